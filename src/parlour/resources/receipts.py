"""Delivery receipts: the status of a message on its way to each recipient on another channel."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec

from parlour.api.collection import Call, Collection
from parlour.resources.conversations import Conversation, find_conversation
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_options import InService, NullShownAs, Updatable
from parlour.wire.field_types import FieldType, Integer, Timestamp, choice, show_json, text
from parlour.wire.paging import Page
from parlour.wire.resource import Resource

MAX_PAGE_SIZE = 50

# Messages create receipts, so this file cannot import them.
MESSAGE_EXISTS = "SELECT 1 FROM messages WHERE conversation_sid = ? AND sid = ?"

SENT, DELIVERED, READ = "sent", "delivered", "read"
UNDELIVERED, FAILED = "undelivered", "failed"
# The statuses that a summary counts under each name (contract: messages.md §4): a message that was read was
# delivered, too.
COUNTED = {
    SENT: frozenset({SENT, DELIVERED, READ, UNDELIVERED}),
    DELIVERED: frozenset({DELIVERED, READ}),
    READ: frozenset({READ}),
    FAILED: frozenset({FAILED}),
    UNDELIVERED: frozenset({UNDELIVERED}),
}

ReceiptStatus = Annotated[str, choice(*COUNTED)]
ChannelMessageSid = Annotated[str, text(64)]

HOW_MANY = {"type": "string", "enum": ["none", "some", "all"]}
SUMMARY_MEMBERS = {"total": {"type": "integer"}, **dict.fromkeys(COUNTED, HOW_MANY)}
SUMMARY = {
    "type": "object",
    "properties": SUMMARY_MEMBERS,
    "required": list(SUMMARY_MEMBERS),
    "additionalProperties": False,
}
DeliverySummary = Annotated[str, FieldType(str, SUMMARY, show_json)]


class Receipt(Resource, frozen=True):
    """The status of a message on its way to one recipient; null until the message was sent."""

    table: ClassVar = "delivery_receipts"
    key: ClassVar = ("conversation_sid", "sid")
    part_of: ClassVar = Conversation
    depth: ClassVar = 2
    # Reports of channels find a receipt without finding its conversation first.
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
    # 0 means that there is no error (contract: additions.md A.1); events leave the code out.
    error_code: Updatable[Annotated[Integer | None, NullShownAs(0)]] = None


receipts = Collection(
    Receipt,
    "/Conversations/{ConversationSid}/Messages/{MessageSid}/Receipts",
    key="delivery_receipts",
    parent=find_conversation,
)


@receipts.list(max_page_size=MAX_PAGE_SIZE)
def list_receipts(tx: Transaction, call: Call) -> Page[Receipt]:
    conversation, message_sid = find_conversation(tx, call), call.path["MessageSid"]
    if not tx.select(MESSAGE_EXISTS, conversation.sid, message_sid):
        raise call.not_found()
    where = [("conversation_sid", "=", conversation.sid), ("message_sid", "=", message_sid)]
    return tx.page(Receipt, call.paging, where=where, by=("date_created", "sid"))


@receipts.fetch()
def fetch_receipt(tx: Transaction, call: Call) -> Receipt:
    conversation = find_conversation(tx, call)
    receipt = tx.find(Receipt, conversation_sid=conversation.sid, sid=call.path["Sid"])
    if receipt is None or receipt.message_sid != call.path["MessageSid"]:
        raise call.not_found()
    return receipt


def delivery_summary(statuses: Sequence[str | None]) -> str | None:
    """Return the `delivery` of a message whose receipts have these statuses; None without receipts."""
    if not statuses:
        return None
    counts = {name: sum(each in counted for each in statuses) for name, counted in COUNTED.items()}
    words = {name: how_many(count, len(statuses)) for name, count in counts.items()}
    return msgspec.json.encode({"total": len(statuses), **words}).decode()


def how_many(count: int, total: int) -> str:
    return "none" if count == 0 else "all" if count == total else "some"
