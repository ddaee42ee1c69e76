"""Events: each change of a resource is emitted, which enqueues a delivery for every webhook that listens."""

import msgspec

from parlour.resources.webhook_targets import find_post_event_targets
from parlour.store import Transaction
from parlour.webhooks.events import EventSource, event_parameters
from parlour.webhooks.outbox import EventConversation, enqueue
from parlour.wire.resource import Resource

# Emitted even if the request does not ask for webhooks (contract: messages.md §7.1).
ALWAYS_EMITTED = frozenset({"onDeliveryUpdated"})


def emit(
    tx: Transaction,
    source: EventSource,
    event: str,
    subject: Resource,
    conversation: EventConversation,
    **more: object,
) -> None:
    """Enqueue an event about `subject` for each of its targets; `more` as in `event_parameters`."""
    if not source.fires and event not in ALWAYS_EMITTED:
        return
    targets = list(find_post_event_targets(tx, conversation, event, getattr(subject, "body", None)))
    if not targets:
        return
    of_conversation = {
        "ChatServiceSid": conversation.chat_service_sid,
        "MessagingServiceSid": conversation.messaging_service_sid,
    }
    parameters = event_parameters(source, conversation.account_sid, event, subject, **of_conversation | more)
    written = msgspec.json.encode(parameters).decode()
    for target in targets:
        enqueue(tx, conversation, target, event, written)
