"""Delivery receipts: what became of a message on its way to each recipient on another channel."""

from typing import Annotated, ClassVar

from parlour.api.collection import Call, Collection
from parlour.resources.conversations import Conversation, find_conversation
from parlour.resources.messages import find_path_message
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.kinds import Integer, Text, Timestamp, choice
from parlour.wire.marks import InService
from parlour.wire.paging import Page
from parlour.wire.resource import Resource

MAX_PAGE_SIZE = 50

Status = Annotated[str, choice("read", "failed", "delivered", "undelivered", "sent")]


class Receipt(Resource, frozen=True):
    table: ClassVar = "delivery_receipts"
    key: ClassVar = ("conversation_sid", "sid")
    part_of: ClassVar = Conversation

    sid: sids.Receipt
    account_sid: sids.Account
    chat_service_sid: InService[sids.Service]
    conversation_sid: sids.Conversation
    message_sid: sids.Message
    participant_sid: sids.Participant
    date_created: Timestamp
    date_updated: Timestamp
    channel_message_sid: Text | None = None
    status: Status | None = None
    error_code: Integer | None = None


receipts = Collection(
    Receipt,
    "/Conversations/{ConversationSid}/Messages/{MessageSid}/Receipts",
    key="delivery_receipts",
    within=find_conversation,
)


@receipts.list(max_page_size=MAX_PAGE_SIZE)
def list_receipts(tx: Transaction, call: Call) -> Page[Receipt]:
    message = find_path_message(tx, call)
    where = [("conversation_sid", "=", message.conversation_sid), ("message_sid", "=", message.sid)]
    return tx.page(Receipt, call.paging, where=where, by=("date_created", "sid"))


@receipts.fetch()
def fetch_receipt(tx: Transaction, call: Call) -> Receipt:
    message = find_path_message(tx, call)
    receipt = tx.find(Receipt, conversation_sid=message.conversation_sid, sid=call.path["Sid"])
    if receipt is None or receipt.message_sid != message.sid:
        raise call.not_found()
    return receipt
