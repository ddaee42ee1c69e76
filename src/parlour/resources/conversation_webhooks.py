"""Webhooks of a conversation, which get its events in addition to those of the service and the account."""

from typing import Any

import msgspec

from parlour import errors
from parlour.api.collection import Call, Collection
from parlour.resources.conversations import Conversation, find_conversation, find_open_conversation
from parlour.resources.messages import Message
from parlour.resources.webhook_targets import ConversationWebhook, names_in
from parlour.store import Transaction
from parlour.webhooks.events import event_parameters
from parlour.webhooks.outbox import enqueue, remove_idle_lane
from parlour.wire.paging import Page, PageRequest

MAX_WEBHOOKS = 5
PAGE_SIZE = 5
MAX_REPLAYED = 10_000

conversation_webhooks = Collection(
    ConversationWebhook, "/Conversations/{ConversationSid}/Webhooks", key="webhooks", parent=find_conversation
)


@conversation_webhooks.create()
def create_conversation_webhook(tx: Transaction, call: Call) -> ConversationWebhook:
    conversation = find_open_conversation(tx, call)
    webhook = ConversationWebhook(
        sid=tx.new_sid("WH"),
        account_sid=call.account_sid,
        chat_service_sid=conversation.chat_service_sid,
        conversation_sid=conversation.sid,
        date_created=tx.now,
        date_updated=tx.now,
        **call.changes,
    )
    ensure_complete(webhook)
    if len(tx.find_all(ConversationWebhook, conversation_sid=conversation.sid)) >= MAX_WEBHOOKS:
        raise errors.TOO_MANY_WEBHOOKS()
    tx.insert(webhook)
    if webhook.replay_after is not None:
        replay(tx, call, webhook, conversation)
    return webhook


@conversation_webhooks.list(max_page_size=PAGE_SIZE)
def list_conversation_webhooks(tx: Transaction, call: Call) -> Page[ConversationWebhook]:
    where = [("conversation_sid", "=", find_conversation(tx, call).sid)]
    return tx.page(ConversationWebhook, call.paging, where=where, by=("date_created", "sid"))


@conversation_webhooks.fetch()
def fetch_conversation_webhook(tx: Transaction, call: Call) -> ConversationWebhook:
    return find_webhook(tx, call, find_conversation(tx, call))


@conversation_webhooks.update()
def update_conversation_webhook(tx: Transaction, call: Call) -> ConversationWebhook:
    webhook = find_webhook(tx, call, find_open_conversation(tx, call))
    if not call.changes:
        return webhook
    updated = tx.update(webhook, date_updated=tx.now, **call.changes)
    ensure_complete(updated)
    return updated


@conversation_webhooks.delete()
def delete_conversation_webhook(tx: Transaction, call: Call) -> ConversationWebhook:
    webhook = find_webhook(tx, call, find_open_conversation(tx, call))
    tx.delete(webhook)
    remove_idle_lane(tx, webhook.conversation_sid, webhook.sid)
    return webhook


def find_webhook(tx: Transaction, call: Call, conversation: Conversation) -> ConversationWebhook:
    webhook = tx.find(ConversationWebhook, conversation_sid=conversation.sid, sid=call.path["Sid"])
    if webhook is None:
        raise call.not_found()
    return webhook


def ensure_complete(webhook: ConversationWebhook) -> None:
    """Each target needs settings of its own (contract: rest-of-api.md §5c)."""
    if webhook.target == "studio":
        if webhook.flow_sid is None:
            raise errors.INVALID_FLOW_SID()
        return
    if webhook.post_url is None:
        raise errors.WEBHOOK_URL_NOT_PROVIDED()
    if webhook.target == "webhook" and not names_in(webhook.filters):
        raise errors.WEBHOOK_FILTER_NOT_PROVIDED()
    if webhook.target == "trigger" and webhook.triggers is None:
        raise errors.WEBHOOK_TRIGGER_NOT_PROVIDED()


def replay(tx: Transaction, call: Call, webhook: ConversationWebhook, conversation: Conversation) -> None:
    """Enqueue the messages from an index on for a new webhook, as if they were added now.

    Raises 400/20001 if there are more than MAX_REPLAYED.
    """
    where: list[Any] = [
        ("conversation_sid", "=", conversation.sid),
        ("index", ">=", webhook.replay_after),
    ]
    page = tx.page(Message, PageRequest(size=MAX_REPLAYED), where=where, by=("index",))
    if page.next is not None:
        reason = f"there are more than {MAX_REPLAYED} messages to replay"
        raise errors.INVALID_PARAMETER(name="Configuration.ReplayAfter", reason=reason)
    target, event = webhook.delivery_target(), "onMessageAdded"
    service = {"MessagingServiceSid": conversation.messaging_service_sid}
    for message in page.rows:
        if webhook.wants(event, message.body):
            parameters = event_parameters(call, call.account_sid, event, message, **service)
            enqueue(tx, conversation, target, event, msgspec.json.encode(parameters).decode())
