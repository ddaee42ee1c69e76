"""SIDs: two letters that name a resource, then 32 hex digits."""

import re
import secrets
import threading
from collections.abc import Callable
from typing import Annotated

from parlour.errors import Problem
from parlour.wire.field_types import FieldType

RANDOM_BITS = 80
SIDS_PER_DRAW = 256


def sid_pattern(prefix: str) -> str:
    return f"^{prefix}[0-9a-fA-F]{{32}}$"


def sid(prefix: str, invalid: Problem | None = None) -> FieldType:
    matches = re.compile(f"{prefix}[0-9a-fA-F]{{32}}").fullmatch

    def read(raw: str) -> str:
        if matches(raw):
            return raw
        if invalid is not None:
            raise invalid()
        raise ValueError(f"must be a SID that starts with {prefix}")

    return FieldType(read, {"type": "string", "pattern": sid_pattern(prefix)})


class SidSource:
    """Makes SIDs, each greater than the one before: 48 bits of milliseconds, then 80 random bits.

    Rows that are inserted one after the other are neighbours in every index on a SID; with entirely random
    SIDs, each insert into a large table would touch another page.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._last = 0
        self._lock = threading.Lock()
        self._random: list[int] = []

    def __call__(self, prefix: str) -> str:
        with self._lock:
            random = self._random.pop() if self._random else self._draw()
            fresh = (self._clock() << RANDOM_BITS) | random
            self._last = max(fresh, self._last + 1 + (random >> RANDOM_BITS // 2))
            return f"{prefix}{self._last:032x}"

    def _draw(self) -> int:
        # Many SIDs at once, because each draw is a system call.
        size = RANDOM_BITS // 8
        drawn = secrets.token_bytes(size * SIDS_PER_DRAW)
        self._random = [int.from_bytes(drawn[i : i + size]) for i in range(0, len(drawn), size)]
        return self._random.pop()


Account = Annotated[str, sid("AC")]
Conversation = Annotated[str, sid("CH")]
Content = Annotated[str, sid("HX")]
Media = Annotated[str, sid("ME")]
Message = Annotated[str, sid("IM")]
Participant = Annotated[str, sid("MB")]
Receipt = Annotated[str, sid("DY")]
Role = Annotated[str, sid("RL")]
Service = Annotated[str, sid("IS")]

is_conversation_sid = re.compile(r"CH[0-9a-fA-F]{32}").fullmatch
is_media_sid = re.compile(r"ME[0-9a-fA-F]{32}").fullmatch
is_participant_sid = re.compile(r"MB[0-9a-fA-F]{32}").fullmatch
is_user_sid = re.compile(r"US[0-9a-fA-F]{32}").fullmatch
is_account_sid = re.compile(r"AC[0-9a-fA-F]{32}").fullmatch


def new_secret() -> str:
    """Return 128 random bits as 32 hex digits: an auth token, or the secret of an API key."""
    return secrets.token_hex(16)
