"""Guesses the conversation of a change, so that changes to the same one are committed together."""

from typing import Any

from cachetools import LRUCache

from parlour.api.collection import Call, Operation
from parlour.store import LockKey
from parlour.wire.sids import is_conversation_sid

MAX_NAMES = 10_000


class ConversationHints:
    """Caches the SIDs of conversations by unique name.

    A wrong or missing hint only makes a change slower: handlers look up names in their transaction.
    """

    def __init__(self) -> None:
        self._sids: LRUCache[tuple[str, str], str] = LRUCache(MAX_NAMES)

    def find(self, operation: Operation, call: Call) -> LockKey | None:
        kind, name = operation.collection.resource.part_of, call.path.get("ConversationSid")
        if kind is None or name is None:
            return None
        if is_conversation_sid(name):
            return LockKey(kind, name)
        return LockKey(kind, self._sids.get((call.service_sid, name), name))

    def learn(self, call: Call, result: Any) -> None:
        name, sid = call.path.get("ConversationSid"), getattr(result, "conversation_sid", None)
        if name is not None and sid is not None and not is_conversation_sid(name):
            self._sids[call.service_sid, name] = sid
