"""The JSON bodies of requests to the control API, and the bounds of their values."""

from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from parlour.control.sids import MAX_SEED
from parlour.wire.field_types import DOT_SEGMENTS, EPOCH, MILLISECOND
from parlour.wire.texts import read_json

MAX_NAME_CHARACTERS = 256
MAX_NUMBER = 1_000_000_000
# A SID holds the time in 48 bits, and timers of up to a century have to end before the year 10,000.
EARLIEST, LATEST = EPOCH, datetime(9000, 1, 1, tzinfo=UTC)
LONGEST_SECONDS = (LATEST - EARLIEST).total_seconds()

B = TypeVar("B", bound="ControlBody")


class ControlBody(msgspec.Struct, forbid_unknown_fields=True):
    """Base class of the bodies. Unknown names are refused."""

    def check(self) -> None:
        """Raise ValueError if a value is out of bounds."""


class ResetBody(ControlBody):
    seed: int | None = None

    def check(self) -> None:
        if self.seed is not None and not 0 <= self.seed <= MAX_SEED:
            raise ValueError("seed must be from 0 to 2**63 - 1")


class ClockBody(ControlBody):
    """Changes of the clock, made in this order if they are given; `advance` is in seconds."""

    now: datetime | None = None
    stopped: bool | None = None
    advance: float = 0

    def check(self) -> None:
        if not 0 <= self.advance <= LONGEST_SECONDS:
            raise ValueError(f"advance must be from 0 to {LONGEST_SECONDS:.0f} seconds; use now to go back")
        if self.now is not None:
            ensure_in_bounds(self.milliseconds())

    def milliseconds(self) -> int | None:
        """Return `now` in milliseconds since 1970. A time without an offset is UTC."""
        if self.now is None:
            return None
        return ((self.now if self.now.tzinfo else self.now.replace(tzinfo=UTC)) - EPOCH) // MILLISECOND


def ensure_in_bounds(milliseconds: int | None) -> None:
    """Raise ValueError if the clock cannot be set to this moment."""
    if milliseconds is None or not 0 <= milliseconds <= (LATEST - EARLIEST) // MILLISECOND:
        raise ValueError(f"the clock goes from {EARLIEST.date()} to {LATEST.date()}")


class SnapshotBody(ControlBody):
    name: str

    def check(self) -> None:
        # The name is part of the path of the request that restores the snapshot.
        if not 0 < len(self.name) <= MAX_NAME_CHARACTERS or self.name in DOT_SEGMENTS:
            raise ValueError(f"name must have 1 to {MAX_NAME_CHARACTERS} characters, and not be . or ..")


def read_body(raw: bytes, kind: type[B]) -> B:
    """Decode and check a body. No bytes count as `{}`. Raises ValueError with a reason for the caller."""
    body = read_json(raw or b"{}", kind)
    body.check()
    return body
