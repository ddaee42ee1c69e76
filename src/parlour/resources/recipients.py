"""Recipients on other channels: each gets a receipt of a message, and a delivery in the outbox."""

from collections.abc import Sequence
from typing import Protocol

from parlour import errors
from parlour.channels.outgoing_parameters import EVENT, OutgoingParameters
from parlour.resources.addresses import is_group_member
from parlour.resources.conversations import Conversation
from parlour.resources.participants import Participant
from parlour.resources.receipts import Receipt
from parlour.store import Transaction
from parlour.webhooks.events import show_media
from parlour.webhooks.outbox import enqueue
from parlour.webhooks.targets import CHANNEL, DeliveryTarget
from parlour.wire.channels import channel_of


class SentMessage(Protocol):
    """The fields of a message that deliveries need. Messages import this file, so it cannot import them."""

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
    """Return all participants, or none if no participant has an address on another channel."""
    if not conversation.binding_count:
        return ()
    return tx.find_all(Participant, conversation_sid=conversation.sid)


def ensure_author_belongs(tx: Transaction, conversation: Conversation, participant_sid: str | None) -> None:
    """Raise 400/50513 if there is a group and the author is not a participant."""
    if participant_sid is None and any(map(is_group_member, participants_of(tx, conversation))):
        raise errors.AUTHOR_NOT_IN_GROUP()


def recipients_of(
    tx: Transaction, conversation: Conversation, author_sid: str | None, *, group_has_it: bool
) -> list[Participant]:
    """Return the participants that a message is sent to.

    These are all that have an address, without the author and, with `group_has_it`, without group members.
    """
    return [
        each
        for each in participants_of(tx, conversation)
        if each.address is not None
        and each.sid != author_sid
        and not (group_has_it and is_group_member(each))
    ]


def send_to_recipients(
    tx: Transaction, conversation: Conversation, message: SentMessage, recipients: Sequence[Participant]
) -> None:
    """Insert a receipt for each recipient, and enqueue a delivery to each."""
    if not recipients:
        return
    number = sender_number(tx, conversation, message.participant_sid)
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
    message: SentMessage,
    participant: Participant,
    receipt: Receipt,
    number: str | None,
) -> OutgoingParameters:
    """Return the parameters of a delivery. Its sender is the participant's proxy address, else `number`."""
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


def sender_number(tx: Transaction, conversation: Conversation, author_sid: str | None) -> str | None:
    """Return the address that a group message is sent from.

    That is the author's projected address, else the first of a participant, else the conversation's address.
    """
    projected = {
        each.sid: each.projected_address
        for each in participants_of(tx, conversation)
        if each.projected_address is not None
    }
    return projected.get(author_sid or "") or next(iter(projected.values()), conversation.email_address)
