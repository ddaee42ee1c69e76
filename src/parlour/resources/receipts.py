"""Delivery receipts: what became of a message on its way to each recipient on another channel."""

from parlour.api.collection import Call, Collection
from parlour.resources.conversations import find_conversation
from parlour.resources.messages import find_path_message
from parlour.resources.recipients import Receipt
from parlour.store import Transaction
from parlour.wire.paging import Page

MAX_PAGE_SIZE = 50

receipts = Collection(
    Receipt,
    "/Conversations/{ConversationSid}/Messages/{MessageSid}/Receipts",
    key="delivery_receipts",
    parent=find_conversation,
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
