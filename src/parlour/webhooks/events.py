"""The events, and the parameters that each carries (contract: messages.md §7.4, rest-of-api.md §17.4)."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from parlour.wire.kinds import show_millisecond
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

# Before a change; only the targets of an account or a service are asked.
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
# After it.
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
# Of users, whose resource is not served yet; a filter may name them all the same.
USER_EVENTS = ("onUserAdded", "onUserUpdate", "onUserUpdated")

FILTERS = (*PRE_EVENTS, *POST_EVENTS, *USER_EVENTS)

MOMENTS = frozenset({"DateCreated", "DateUpdated", "DateRemoved", "StateUpdated"})


def parameters_of(event: str, subject: Resource, **more: Any) -> dict[str, str]:
    """What a target is told of an event: strings, moments in milliseconds, nothing that is absent.

    `more` holds, by name, what the subject itself does not know.
    """
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
    """The attribute behind each parameter; `MessageSid` is the `sid` of a message."""
    fields = {f.wire_name: f.name for f in fields_of(kind)}
    return {**fields, **kind.event_names, f"{kind.__name__}Sid": "sid"}


def show(name: str, value: Any) -> str:
    if name in MOMENTS:
        return show_millisecond(value)
    return show_media(value) if name == "Media" else str(value)


def show_media(stored: str) -> str:
    items = msgspec.json.decode(stored, type=list[dict[str, Any]])
    shown = [{pascal_case(name): value for name, value in item.items()} for item in items]
    return msgspec.json.encode(shown).decode()
