"""Which conversation a change is within: those within the same are committed together."""

from typing import Any

from parlour.api.collection import Call, Operation
from parlour.store import About
from parlour.wire.sids import is_conversation_sid

MAX_NAMES = 10_000


class Places:
    """Handlers look up unique names in their transaction; here is only what a name stood for last.

    Where it is not known, or not true any more, the change takes longer, and that is all.
    """

    def __init__(self) -> None:
        self._sids: dict[tuple[str, str], str] = {}

    def find(self, operation: Operation, call: Call) -> About | None:
        kind, named = operation.collection.resource.part_of, call.path.get("ConversationSid")
        if kind is None or named is None:
            return None
        return About(kind, self._sids.get((call.service_sid, named), named))

    def learn(self, call: Call, result: Any) -> None:
        named, sid = call.path.get("ConversationSid"), getattr(result, "conversation_sid", None)
        if named is None or sid is None or is_conversation_sid(named):
            return
        if len(self._sids) >= MAX_NAMES:
            self._sids.clear()
        self._sids[call.service_sid, named] = sid
