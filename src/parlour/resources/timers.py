"""Timers of a conversation: how long after its last activity it becomes inactive, and closed."""

import re
from typing import Annotated, Any, NamedTuple, Protocol

from parlour import errors
from parlour.errors import Problem
from parlour.wire.field_types import FieldType, show_moment

MINUTE = 60_000
SHORTEST_INACTIVE = MINUTE
SHORTEST_CLOSED = 10 * MINUTE
LONGEST = 100 * 365 * 24 * 60 * MINUTE

DURATION = re.compile(
    r"P(?!$)(?:(?P<weeks>\d{1,5})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?!$)(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,11})(?:\.(?P<milliseconds>\d{1,3})\d{0,6})?S)?)?",
    re.ASCII,
)
MILLISECONDS = {
    "weeks": 7 * 24 * 60 * MINUTE,
    "days": 24 * 60 * MINUTE,
    "hours": 60 * MINUTE,
    "minutes": MINUTE,
    "seconds": 1_000,
    "milliseconds": 1,
}


def duration(shortest: int, too_short: Problem, invalid: Problem) -> FieldType:
    """Return the type of ISO 8601 durations, stored in milliseconds; zero or "" removes the timer."""

    def read(raw: str) -> int | None:
        match = DURATION.fullmatch(raw)
        if raw and match is None:
            raise invalid()
        parts = {} if match is None else match.groupdict(default="0")
        parts["milliseconds"] = f"{parts['milliseconds']:0<3}" if parts else "0"
        length = sum(int(count) * MILLISECONDS[unit] for unit, count in parts.items())
        if length > LONGEST:
            raise invalid()
        if 0 < length < shortest:
            raise too_short()
        return length or None

    return FieldType(read, {"type": "string"})


def stored_as_sent(timer: FieldType) -> FieldType:
    """Return the type of the same durations that is stored as text; a removed timer is None."""

    def read(raw: str) -> str | None:
        return None if timer.read(raw) is None else raw

    return FieldType(read, timer.schema)


INACTIVE_TIMER = duration(SHORTEST_INACTIVE, errors.INACTIVE_TIMER_TOO_SHORT, errors.INVALID_INACTIVE_TIMER)
CLOSED_TIMER = duration(SHORTEST_CLOSED, errors.CLOSED_TIMER_TOO_SHORT, errors.INVALID_CLOSED_TIMER)
InactiveAfter = Annotated[int, INACTIVE_TIMER]
ClosedAfter = Annotated[int, CLOSED_TIMER]


def as_milliseconds(timer: FieldType, stored: str | None) -> int | None:
    """Return the length of a duration that is stored as text."""
    return None if stored is None else timer.read(stored)


class ConversationTimers(Protocol):
    """The fields of a conversation that concern timers. Conversations import this file."""

    @property
    def state(self) -> str: ...
    @property
    def inactive_after(self) -> int | None: ...
    @property
    def closed_after(self) -> int | None: ...
    @property
    def date_inactive(self) -> int | None: ...
    @property
    def date_closed(self) -> int | None: ...


class Expiry(NamedTuple):
    """The expiry of a timer: the moment at which it is due, the state that follows, the changed fields."""

    date: int
    state: str
    changes: dict[str, str | int | None]


def expiring_timers(now: int, inactive_after: int | None, closed_after: int | None) -> dict[str, int | None]:
    """Return the dates at which the timers expire if there is no activity after `now`, in milliseconds."""
    return {
        "date_inactive": None if inactive_after is None else now + inactive_after,
        "date_closed": None if closed_after is None else now + closed_after,
    }


def restarted_timers(now: int, changes: dict[str, Any]) -> dict[str, int | None]:
    dates = expiring_timers(now, changes.get("inactive_after"), changes.get("closed_after"))
    return dates if changes.get("state", "active") == "active" else dates | {"date_inactive": None}


def updated_timers(
    now: int, conversation: ConversationTimers, changes: dict[str, Any]
) -> dict[str, int | None]:
    """Return the dates after an update, which counts as activity; a closed conversation has none."""
    state = changes.get("state", conversation.state)
    if state == "closed":
        return {"date_inactive": None, "date_closed": None}
    kept = {
        "state": state,
        "inactive_after": conversation.inactive_after,
        "closed_after": conversation.closed_after,
    }
    return restarted_timers(now, kept | changes)


def next_expiry(now: int, conversation: ConversationTimers) -> Expiry | None:
    """Return the expiry that is due first, or None if none is due. At the same moment, closing is the one."""
    dates = {"closed": conversation.date_closed, "inactive": conversation.date_inactive}
    due = [(date, state) for state, date in dates.items() if date is not None and date <= now]
    if not due:
        return None
    date, state = min(due)
    if state == "closed" or conversation.state == "closed":
        return Expiry(date, "closed", {"state": "closed", "date_inactive": None, "date_closed": None})
    return Expiry(date, state, {"state": state, "date_inactive": None})


def show_timers(date_inactive: int | None, date_closed: int | None) -> dict[str, str]:
    dates = {"date_inactive": date_inactive, "date_closed": date_closed}
    return {name: show_moment(date) for name, date in dates.items() if date is not None}
