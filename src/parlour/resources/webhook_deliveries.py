"""Deliveries of webhooks and of messages to other channels: a resource that the contract does not have."""

from typing import Any

from parlour import errors
from parlour.api.collection import OURS, Call, Collection
from parlour.resources.accounts import find_callers_account
from parlour.store import Transaction
from parlour.webhooks.outbox import PENDING, STATUSES, WebhookDelivery, take_number
from parlour.webhooks.targets import CHANNEL, DeliveryTarget
from parlour.wire.field_types import choice, text
from parlour.wire.paging import Page

CONVERSATION = "SELECT conversation_sid FROM webhook_deliveries WHERE account_sid = ? AND sid = ?"

webhook_deliveries = Collection(
    WebhookDelivery,
    "/WebhookDeliveries",
    key="webhook_deliveries",
    parent=find_callers_account,
    prefixes=(OURS,),
)


@webhook_deliveries.list(
    filters={"Status": choice(*STATUSES), "EventType": text(), "ConversationSid": text()}
)
def list_webhook_deliveries(tx: Transaction, call: Call) -> Page[WebhookDelivery]:
    """Newest first."""
    columns = {"Status": "status", "EventType": "event_type", "ConversationSid": "conversation_sid"}
    where: list[Any] = [("account_sid", "=", call.account_sid)]
    where += [(columns[name], "=", value) for name, value in call.paging.filters.items()]
    return tx.page(WebhookDelivery, call.paging, where=where, by=("date_created", "sid"), descending=True)


@webhook_deliveries.fetch()
def fetch_webhook_delivery(tx: Transaction, call: Call) -> WebhookDelivery:
    rows = tx.select(CONVERSATION, call.account_sid, call.path["Sid"])
    found = tx.find(WebhookDelivery, conversation_sid=rows[0][0], sid=call.path["Sid"]) if rows else None
    if found is None:
        raise call.not_found()
    return found


@webhook_deliveries.act("Redeliver")
def redeliver_webhook_delivery(tx: Transaction, call: Call) -> WebhookDelivery:
    """Enqueue a settled delivery again, at the end of its lane."""
    delivery = fetch_webhook_delivery(tx, call)
    if delivery.status == PENDING:
        raise errors.CONFLICT(reason="it is still on its way")
    if delivery.target_url.startswith(CHANNEL):
        # A failed message stays failed, and the client can send a new one (contract: messages.md §9).
        raise errors.CONFLICT(reason="what left for another channel is final")
    target = DeliveryTarget(delivery.target_sid, delivery.target_url, delivery.method)
    number = take_number(tx, delivery.conversation_sid, target)
    return tx.update(delivery, status=PENDING, number=number, date_updated=tx.now)
