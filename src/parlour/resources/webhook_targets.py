"""The webhooks of an account, of a service and of a conversation, and which of them an event goes to."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import msgspec

from parlour import errors
from parlour.resources.accounts import find_account
from parlour.store import Transaction
from parlour.webhooks.events import FILTERS, POST_EVENTS
from parlour.webhooks.outbox import EventConversation
from parlour.webhooks.targets import STUDIO, DeliveryTarget, PreEventTarget
from parlour.wire import sids
from parlour.wire.field_options import Creatable, Hidden, InService, Required, WireName, Writable
from parlour.wire.field_types import Count, Timestamp, choice, choice_list, text_list, url
from parlour.wire.resource import Computed, Resource

MAX_URL_CHARACTERS = 512
MAX_TRIGGERS = 5
MAX_TRIGGER_CHARACTERS = 248

Url = Annotated[str, url(MAX_URL_CHARACTERS, errors.INVALID_WEBHOOK_FORMAT, errors.WEBHOOK_URL_TOO_LONG)]
Method = Annotated[str, choice("GET", "POST", invalid=errors.INVALID_WEBHOOK_METHOD)]
LowerMethod = Annotated[str, choice("get", "post", invalid=errors.INVALID_WEBHOOK_METHOD)]
Filters = Annotated[str, choice_list(FILTERS, errors.INVALID_WEBHOOK_FILTER)]
PostFilters = Annotated[str, choice_list(tuple(POST_EVENTS), errors.INVALID_WEBHOOK_FILTER)]
Triggers = Annotated[
    str,
    text_list(MAX_TRIGGERS, MAX_TRIGGER_CHARACTERS, errors.INVALID_WEBHOOK_TRIGGER, errors.TOO_MANY_TRIGGERS),
]
FlowSid = Annotated[str, sids.sid("FW", invalid=errors.INVALID_FLOW_SID)]
TargetType = Annotated[str, choice("webhook", "trigger", "studio", invalid=errors.INVALID_WEBHOOK_TARGET)]


class AccountWebhooks(Resource, frozen=True):
    """An account's webhooks, for services without webhooks of their own; `sid` is the account's."""

    table: ClassVar = "account_webhooks"

    sid: Hidden[sids.Account]
    account_sid: sids.Account
    method: Writable[Method] = "POST"
    filters: Writable[Filters] = "[]"
    pre_webhook_url: Writable[Url | None] = None
    post_webhook_url: Writable[Url | None] = None
    target: Writable[Annotated[str, choice("webhook", "flex")]] = "webhook"


class ServiceWebhooks(Resource, frozen=True):
    """A service's webhooks; `sid` is the service's. Until they are configured, all fields are null."""

    table: ClassVar = "service_webhooks"

    sid: Hidden[sids.Service]
    account_sid: sids.Account
    chat_service_sid: sids.Service
    pre_webhook_url: Writable[Url | None] = None
    post_webhook_url: Writable[Url | None] = None
    filters: Writable[Filters | None] = None
    method: Writable[Method | None] = None


class ConversationWebhook(Resource, frozen=True):
    """A webhook of one conversation, which gets post-events only."""

    table: ClassVar = "conversation_webhooks"
    key: ClassVar = ("conversation_sid", "sid")

    sid: Annotated[str, sids.sid("WH")]
    account_sid: sids.Account
    chat_service_sid: InService[sids.Service]
    conversation_sid: sids.Conversation
    target: Required[Creatable[TargetType]]
    date_created: Timestamp
    date_updated: Timestamp
    post_url: Hidden[Writable[Annotated[Url | None, WireName("Configuration.Url")]]] = None
    method: Hidden[Writable[Annotated[LowerMethod, WireName("Configuration.Method")]]] = "post"
    filters: Hidden[Writable[Annotated[PostFilters | None, WireName("Configuration.Filters")]]] = None
    triggers: Hidden[Writable[Annotated[Triggers | None, WireName("Configuration.Triggers")]]] = None
    flow_sid: Hidden[Writable[Annotated[FlowSid | None, WireName("Configuration.FlowSid")]]] = None
    replay_after: Hidden[Creatable[Annotated[Count | None, WireName("Configuration.ReplayAfter")]]] = None

    @Computed(type="object")
    def configuration(self) -> Mapping[str, Any]:
        replayed = {} if self.replay_after is None else {"replay_after": self.replay_after}
        if self.target == "studio":
            return {"flow_sid": self.flow_sid, **replayed}
        where = {"url": self.post_url, "method": self.method}
        if self.target == "trigger":
            return {**where, "triggers": names_in(self.triggers), **replayed}
        return {**where, "filters": names_in(self.filters), **replayed}

    def wants(self, event: str, body: str | None) -> bool:
        """Whether the webhook gets an event.

        A webhook gets the events of its filters, a studio flow gets new messages, and a trigger gets new
        messages whose body contains one of its words, in any case.
        """
        if self.target == "webhook":
            return event in names_in(self.filters)
        if event != "onMessageAdded":
            return False
        said = (body or "").lower()
        return self.target == "studio" or any(word.lower() in said for word in names_in(self.triggers))

    def delivery_target(self) -> DeliveryTarget:
        """Return the target of its deliveries; the URL of a flow is completed when a delivery is sent."""
        url = f"{STUDIO}{self.flow_sid}" if self.target == "studio" else self.post_url or ""
        return DeliveryTarget(self.sid, url, self.method.upper())


decode_names = msgspec.json.Decoder(tuple[str, ...]).decode


@lru_cache(maxsize=1_024)
def names_in(stored: str | None) -> tuple[str, ...]:
    """Decode a stored list of filters or triggers; null is the empty list."""
    return () if stored is None else decode_names(stored)


def webhooks_for(
    tx: Transaction, account_sid: str, service_sid: str
) -> AccountWebhooks | ServiceWebhooks | None:
    """Return the service's webhooks if it has a URL, else the account's (contract: messages.md §7.1)."""
    of_service = tx.find(ServiceWebhooks, sid=service_sid)
    if of_service is not None and (of_service.post_webhook_url or of_service.pre_webhook_url):
        return of_service
    return tx.find(AccountWebhooks, sid=account_sid)


def find_pre_event_target(
    tx: Transaction, account_sid: str, service_sid: str, event: str
) -> PreEventTarget | None:
    """Return the target that is asked before a change, or None if there is none for this event."""
    settings = webhooks_for(tx, account_sid, service_sid)
    if settings is None or settings.pre_webhook_url is None or event not in names_in(settings.filters):
        return None
    account = find_account(tx, account_sid)
    if account is None:
        return None
    target = DeliveryTarget(settings.sid, settings.pre_webhook_url, settings.method or "POST")
    return PreEventTarget(target, account.sealed_auth_token)


def find_post_event_targets(
    tx: Transaction, conversation: EventConversation, event: str, body: str | None
) -> Iterator[DeliveryTarget]:
    """Yield the targets of an event; `body` is that of the message that it is about, if it is about one."""
    settings = webhooks_for(tx, conversation.account_sid, conversation.chat_service_sid)
    if settings is not None and settings.post_webhook_url and event in names_in(settings.filters):
        yield DeliveryTarget(settings.sid, settings.post_webhook_url, settings.method or "POST")
    for webhook in tx.find_all(ConversationWebhook, conversation_sid=conversation.sid):
        if webhook.wants(event, body):
            yield webhook.delivery_target()
