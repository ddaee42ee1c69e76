"""Unique names of conversations: each names one conversation of its service."""

from typing import Annotated, Any, ClassVar

from parlour import errors
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_types import path_name
from parlour.wire.resource import Resource
from parlour.wire.sids import is_conversation_sid

UniqueName = Annotated[str, path_name(256, too_long=errors.UNIQUE_NAME_TOO_LONG)]


class ConversationName(Resource, frozen=True):
    """The unique name of the conversation `sid`. In a table of its own, the name is a primary key."""

    table: ClassVar = "conversation_names"
    key: ClassVar = ("chat_service_sid", "unique_name")

    sid: sids.Conversation
    chat_service_sid: sids.Service
    unique_name: UniqueName


def take_unique_name(tx: Transaction, service_sid: str, sid: str, changes: dict[str, Any]) -> None:
    """Reserve the unique name in `changes`, if there is one. Raises 409/50353 if it is taken."""
    name = changes.get("unique_name")
    if name is None:
        return
    if is_conversation_sid(name):
        raise errors.UNIQUE_NAME_LIKE_SID()
    if tx.find(ConversationName, chat_service_sid=service_sid, unique_name=name) is not None:
        raise errors.UNIQUE_NAME_TAKEN()
    tx.insert(ConversationName(sid=sid, chat_service_sid=service_sid, unique_name=name))


def free_unique_name(tx: Transaction, service_sid: str, name: str | None) -> None:
    if name is None:
        return
    named = tx.find(ConversationName, chat_service_sid=service_sid, unique_name=name)
    if named is not None:
        tx.delete(named)


def without_empty_name(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes with None for an empty UniqueName, which removes the name."""
    return changes | {"unique_name": None} if changes.get("unique_name") == "" else changes
