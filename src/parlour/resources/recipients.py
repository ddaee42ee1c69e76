"""Recipients on other channels: a message opens a receipt for each, and enqueues a delivery to each."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Protocol

import msgspec

from parlour import errors
from parlour.channels.outgoing_parameters import EVENT, OutgoingParameters
from parlour.resources.conversations import Conversation
from parlour.resources.participants import Participant
from parlour.store import Transaction
from parlour.webhooks.events import show_media
from parlour.webhooks.outbox import enqueue
from parlour.webhooks.targets import CHANNEL, DeliveryTarget
from parlour.wire import sids
from parlour.wire.channels import channel_of
from parlour.wire.kinds import Integer, Timestamp, choice, text
from parlour.wire.marks import InService, Updatable
from parlour.wire.resource import Resource

GROUP_CHANNEL = "sms"

SENT, DELIVERED, READ = "sent", "delivered", "read"
UNDELIVERED, FAILED = "undelivered", "failed"
# The statuses that a summary counts under each name (contract: messages.md §4).
COUNTED = {
    SENT: frozenset({SENT, DELIVERED, READ, UNDELIVERED}),
    DELIVERED: frozenset({DELIVERED, READ}),
    READ: frozenset({READ}),
    FAILED: frozenset({FAILED}),
    UNDELIVERED: frozenset({UNDELIVERED}),
}

ReceiptStatus = Annotated[str, choice(*COUNTED)]
ChannelMessageSid = Annotated[str, text(64)]


class Receipt(Resource, frozen=True):
    """What became of a message on its way to one recipient; `status` is null until it was sent."""

    table: ClassVar = "delivery_receipts"
    key: ClassVar = ("conversation_sid", "sid")
    part_of: ClassVar = Conversation
    depth: ClassVar = 2
    # Channels ask for it without its conversation.
    owners: ClassVar = {"conversations": "conversation_sid", "services": "chat_service_sid"}
    event_names: ClassVar = {"DeliveryReceiptSid": "sid"}

    sid: sids.Receipt
    account_sid: sids.Account
    chat_service_sid: InService[sids.Service]
    conversation_sid: sids.Conversation
    message_sid: sids.Message
    participant_sid: sids.Participant
    date_created: Timestamp
    date_updated: Timestamp
    channel_message_sid: Updatable[ChannelMessageSid | None] = None
    status: Updatable[ReceiptStatus | None] = None
    error_code: Updatable[Integer | None] = None


class Sendable(Protocol):
    """A message, as far as it is sent."""

    @property
    def sid(self) -> str: ...
    @property
    def participant_sid(self) -> str | None: ...
    @property
    def author(self) -> str: ...
    @property
    def body(self) -> str | None: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def media(self) -> str | None: ...


def participants_of(tx: Transaction, conversation: Conversation) -> tuple[Participant, ...]:
    """All of them, where somebody is reached on another channel; else none need be looked at."""
    if not conversation.binding_count:
        return ()
    return tx.find_all(Participant, conversation_sid=conversation.sid)


def is_of_group(participant: Participant) -> bool:
    """Whether somebody takes part in a group message: by an address and no proxy."""
    address = participant.address
    return address is not None and participant.proxy_address is None and channel_of(address) == GROUP_CHANNEL


def ensure_author_belongs(tx: Transaction, conversation: Conversation, participant_sid: str | None) -> None:
    """400/50513 where a group message has an author who is not in the group."""
    if participant_sid is None and any(map(is_of_group, participants_of(tx, conversation))):
        raise errors.AUTHOR_NOT_IN_GROUP()


def recipients_of(
    tx: Transaction, conversation: Conversation, author_sid: str | None, *, group_has_it: bool
) -> list[Participant]:
    return [
        each
        for each in participants_of(tx, conversation)
        if each.address is not None and each.sid != author_sid and not (group_has_it and is_of_group(each))
    ]


def summary(statuses: Sequence[str | None]) -> str | None:
    """The `delivery` of a message whose receipts have these statuses; None without receipts."""
    if not statuses:
        return None
    counts = {name: sum(each in counted for each in statuses) for name, counted in COUNTED.items()}
    words = {name: how_many(count, len(statuses)) for name, count in counts.items()}
    return msgspec.json.encode({"total": len(statuses), **words}).decode()


def how_many(count: int, total: int) -> str:
    return "none" if count == 0 else "all" if count == total else "some"


def send_to_all(
    tx: Transaction, conversation: Conversation, message: Sendable, recipients: Sequence[Participant]
) -> None:
    """Open a receipt for each recipient, and put the message on its way."""
    if not recipients:
        return
    number = number_of_author(tx, conversation, message.participant_sid)
    for participant in recipients:
        receipt = Receipt(
            sid=tx.new_sid("DY"),
            account_sid=conversation.account_sid,
            chat_service_sid=conversation.chat_service_sid,
            conversation_sid=conversation.sid,
            message_sid=message.sid,
            participant_sid=participant.sid,
            date_created=tx.now,
            date_updated=tx.now,
        )
        tx.insert(receipt)
        parameters = outgoing_parameters(conversation, message, participant, receipt, number)
        target = DeliveryTarget(participant.sid, f"{CHANNEL}{parameters.channel}", "POST")
        enqueue(tx, conversation, target, EVENT, parameters.encode())


def outgoing_parameters(
    conversation: Conversation,
    message: Sendable,
    participant: Participant,
    receipt: Receipt,
    number: str | None,
) -> OutgoingParameters:
    """Return the parameters of the delivery to a participant, whose sender is else the account's `number`."""
    address = participant.address or ""
    return OutgoingParameters(
        account_sid=conversation.account_sid,
        event_type=EVENT,
        chat_service_sid=conversation.chat_service_sid,
        conversation_sid=conversation.sid,
        message_sid=message.sid,
        from_name=conversation.email_name,
        author=message.author,
        subject=message.subject or conversation.friendly_name,
        body=message.body,
        media=None if message.media is None else show_media(message.media),
        messaging_service_sid=conversation.messaging_service_sid,
        delivery_receipt_sid=receipt.sid,
        participant_sid=participant.sid,
        channel=channel_of(address),
        to=address,
        sender=participant.proxy_address or number,
    )


def number_of_author(tx: Transaction, conversation: Conversation, author_sid: str | None) -> str | None:
    """The author's number of the account, else the first there is, else the conversation's address."""
    projected = {
        each.sid: each.projected_address
        for each in participants_of(tx, conversation)
        if each.projected_address is not None
    }
    return projected.get(author_sid or "") or next(iter(projected.values()), conversation.email_address)
