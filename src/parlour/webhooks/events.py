"""The events and their parameters (contract: messages.md §7.4, rest-of-api.md §17.4)."""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, Protocol

import msgspec

from parlour.wire.field_types import show_millisecond
from parlour.wire.resource import Resource, fields_of, pascal_case

MESSAGE = ("ConversationSid", "ChatServiceSid", "Body", "Author", "ParticipantSid", "Attributes", "Media")
DATED_MESSAGE = (*MESSAGE, "MessageSid", "Index", "DateCreated", "DateUpdated")

CONVERSATION = (
    "FriendlyName",
    "UniqueName",
    "Attributes",
    "ChatServiceSid",
    "MessagingServiceSid",
    "State",
)
DATED_CONVERSATION = ("ConversationSid", "DateCreated", "DateUpdated", *CONVERSATION)

PARTICIPANT = (
    "ConversationSid",
    "ChatServiceSid",
    "Identity",
    "RoleSid",
    "Attributes",
    "MessagingBinding.ProxyAddress",
    "MessagingBinding.Address",
    "MessagingBinding.ProjectedAddress",
    "MessagingBinding.Type",
)
DATED_PARTICIPANT = (*PARTICIPANT, "ParticipantSid", "DateCreated", "DateUpdated")

# Sent before a change, to webhooks of an account or a service only.
PRE_EVENTS: Mapping[str, tuple[str, ...]] = {
    "onMessageAdd": MESSAGE,
    "onMessageUpdate": DATED_MESSAGE,
    "onMessageRemove": DATED_MESSAGE,
    "onConversationAdd": CONVERSATION,
    "onConversationUpdate": DATED_CONVERSATION,
    "onConversationRemove": DATED_CONVERSATION,
    "onParticipantAdd": PARTICIPANT,
    "onParticipantUpdate": DATED_PARTICIPANT,
    "onParticipantRemove": DATED_PARTICIPANT,
}
# Sent after a change.
POST_EVENTS: Mapping[str, tuple[str, ...]] = {
    "onMessageAdded": (*MESSAGE, "MessageSid", "MessagingServiceSid", "Index", "DateCreated"),
    "onMessageUpdated": DATED_MESSAGE,
    "onMessageRemoved": (*DATED_MESSAGE, "DateRemoved"),
    "onConversationAdded": DATED_CONVERSATION,
    "onConversationUpdated": DATED_CONVERSATION,
    "onConversationRemoved": (*DATED_CONVERSATION, "DateRemoved"),
    "onConversationStateUpdated": (
        "ChatServiceSid",
        "ConversationSid",
        "MessagingServiceSid",
        "StateUpdated",
        "StateFrom",
        "StateTo",
        "Reason",
    ),
    "onParticipantAdded": (*PARTICIPANT, "ParticipantSid", "DateCreated"),
    "onParticipantUpdated": (*DATED_PARTICIPANT, "LastReadMessageIndex"),
    "onParticipantRemoved": (*DATED_PARTICIPANT, "DateRemoved"),
    "onDeliveryUpdated": (
        "ConversationSid",
        "ChatServiceSid",
        "MessageSid",
        "DeliveryReceiptSid",
        "ChannelMessageSid",
        "ParticipantSid",
        "Status",
        "ErrorCode",
        "DateCreated",
        "DateUpdated",
    ),
}
# Users are not served yet, but a filter may name their events.
USER_EVENTS = ("onUserAdded", "onUserUpdate", "onUserUpdated")

FILTERS = (*PRE_EVENTS, *POST_EVENTS, *USER_EVENTS)

MOMENTS = frozenset({"DateCreated", "DateUpdated", "DateRemoved", "StateUpdated"})


class EventSource(Protocol):
    """What an event comes from: a request, or Parlour itself.

    Without `fires`, webhooks are not wanted. `source` is the parameter of that name, `API` for instance.
    """

    @property
    def fires(self) -> bool: ...
    @property
    def source(self) -> str | None: ...


class SystemSource(NamedTuple):
    """Parlour itself: webhooks always fire, and there is no `Source`."""

    fires: bool = True
    source: str | None = None


SYSTEM_SOURCE = SystemSource()


def event_parameters(
    source: EventSource, account_sid: str, event: str, subject: Resource, **more: Any
) -> dict[str, str]:
    """Return the parameters of an event about `subject`, as texts; what is absent is left out.

    `more` holds values, by parameter, that are not fields of the subject. Moments are in milliseconds.
    """
    parameters = {"AccountSid": account_sid, "EventType": event}
    if source.source is not None:
        parameters["Source"] = source.source
    return parameters | subject_parameters(event, subject, **more)


def subject_parameters(event: str, subject: Resource, **more: Any) -> dict[str, str]:
    names = PRE_EVENTS.get(event) or POST_EVENTS[event]
    attributes = attributes_of(type(subject))
    found = {}
    for name in names:
        value = more[name] if name in more else getattr(subject, attributes.get(name, ""), None)
        if value is not None:
            found[name] = show(name, value)
    return found


@cache
def attributes_of(kind: type[Resource]) -> dict[str, str]:
    """Return the attribute of each parameter; `MessageSid` is the `sid` of a message."""
    fields = {f.wire_name: f.name for f in fields_of(kind)}
    return {**fields, **kind.event_names, f"{kind.__name__}Sid": "sid"}


def show(name: str, value: Any) -> str:
    if name in MOMENTS:
        return show_millisecond(value)
    return show_media(value) if name == "Media" else str(value)


def show_media(stored: str) -> str:
    """Return a message's media as the JSON of the parameter `Media`, with the names of the contract."""
    items = msgspec.json.decode(stored, type=list[dict[str, Any]])
    shown = [{pascal_case(name): value for name, value in item.items()} for item in items]
    return msgspec.json.encode(shown).decode()
