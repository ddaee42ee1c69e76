"""Claiming lanes: a read finds lanes that are ready, then a short transaction leases them by their keys.

How many lanes are ready does not matter to either. The read steps over the index of ready lanes from one
throttle key to the next, and takes as many lanes of each key as may be started now.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from parlour.store import Transaction
from parlour.webhooks.outbox import Lane

# Longer than an attempt and its settling take. After it, another worker claims the lane of one that died.
LEASE_MILLISECONDS = 15_000
# Rows that one step over the index reads: more than the lanes of one throttle key that are served at a time.
ROWS_OF_A_STEP = 64
# Keys without a free slot that one search passes over. The next search goes on from there, so that these
# keys never block the keys behind them.
MAX_PASSED_OVER = 64
# Lanes of one transaction, which requests that write wait for.
MAX_CLAIMED = 64
MAX_MADE_READY = 64

# In the order of the index. A step begins behind all lanes of a key, for no lane is due later than LAST.
READY = """SELECT carrier, conversation_sid, sid FROM webhook_lanes
WHERE ready = 1 AND due_at <= ? AND leased_until <= ? AND (carrier, due_at) > (?, ?)
ORDER BY carrier, due_at LIMIT ?"""
LAST = 2**63 - 1
# Lanes whose delivery is due for a repetition, and lanes of a worker that died. Those that a program of the
# version before has leased have a time in the past, too.
WAITED = """SELECT carrier, conversation_sid, sid FROM webhook_lanes
WHERE ready = 0 AND due_at <= ? AND leased_until <= ? ORDER BY due_at LIMIT ?"""

# A throttle key and a moment: where a search of the index begins.
SearchPosition = tuple[str, int]
# A throttle key may be "", where a very old program has made the lane.
START: SearchPosition = ("", -1)


class LaneKey(NamedTuple):
    """The primary key of a lane."""

    conversation_sid: str
    target_sid: str


class FoundLane(NamedTuple):
    """A lane that was ready, or had waited long enough, when it was read."""

    throttle_key: str
    key: LaneKey


class ClaimedLane(NamedTuple):
    """A lane that this worker has leased until `leased_until`, in milliseconds since 1970."""

    throttle_key: str
    key: LaneKey
    leased_until: int


class FoundLanes(NamedTuple):
    """The result of a search: lanes to claim, and lanes that have waited long enough to be made ready.

    The next search begins at `position`. With `has_more`, more lanes are ready than were taken.
    """

    ready: Sequence[FoundLane]
    waited: Sequence[FoundLane]
    position: SearchPosition
    has_more: bool


def find_lanes(
    tx: Transaction,
    position: SearchPosition,
    free_slots: Callable[[str], int],
    held: Container[LaneKey],
    limit: int,
) -> FoundLanes:
    """Find up to `limit` lanes that are ready and not `held`, at most `free_slots(key)` of a throttle key."""
    waited = [found_lane(row) for row in tx.select(WAITED, tx.now, tx.now, MAX_MADE_READY)]
    has_more = len(waited) == MAX_MADE_READY
    ready: list[FoundLane] = []
    seen: set[str] = set()
    passed_over = 0
    for throttle_key, lanes in ready_lanes_by_key(tx, position):
        if throttle_key in seen:
            break
        seen.add(throttle_key)
        free = [lane for lane in lanes if lane.key not in held]
        taken = free[: min(free_slots(throttle_key), limit - len(ready))]
        ready += taken
        passed_over += not taken
        has_more = has_more or len(free) > len(taken)
        if len(ready) == limit or passed_over == MAX_PASSED_OVER:
            return FoundLanes(ready, waited, (throttle_key, LAST), has_more=True)
    return FoundLanes(ready, waited, START, has_more)


def ready_lanes_by_key(tx: Transaction, position: SearchPosition) -> Iterator[tuple[str, list[FoundLane]]]:
    """Yield each throttle key with the first of its ready lanes, from `position` on and once around."""
    from_the_start = position == START
    while True:
        rows = tx.select(READY, tx.now, tx.now, *position, ROWS_OF_A_STEP)
        lanes = [found_lane(row) for row in rows]
        keys = [(key, list(of_key)) for key, of_key in groupby(lanes, attrgetter("throttle_key"))]
        at_the_end = len(rows) < ROWS_OF_A_STEP
        if not at_the_end and len(keys) > 1:
            # The step may have cut the lanes of the last key: the next step begins with it.
            keys.pop()
        yield from keys
        if not at_the_end:
            position = (keys[-1][0], LAST)
        elif from_the_start:
            return
        else:
            position, from_the_start = START, True


def found_lane(row: tuple[str, str, str]) -> FoundLane:
    throttle_key, conversation_sid, target_sid = row
    return FoundLane(throttle_key, LaneKey(conversation_sid, target_sid))


def claim(tx: Transaction, found: FoundLanes) -> list[ClaimedLane]:
    """Lease the lanes that were found ready and still are; make ready those that have waited.

    Skips lanes that another transaction has locked, so it never waits. Returns the leased lanes.
    """
    until = tx.now + LEASE_MILLISECONDS
    for lane in tx.find_free(Lane, [each.key for each in found.waited]):
        if is_due(lane, tx.now):
            tx.update(lane, ready=1)
    claimed = []
    for lane in tx.find_free(Lane, [each.key for each in found.ready]):
        if is_due(lane, tx.now):
            tx.update(lane, ready=0, due_at=until, leased_until=until)
            claimed.append(ClaimedLane(lane.carrier, LaneKey(lane.conversation_sid, lane.sid), until))
    return claimed


def is_due(lane: Lane, now: int) -> bool:
    """Whether nobody has claimed or emptied the lane since it was found."""
    return lane.due_at is not None and lane.due_at <= now and lane.leased_until <= now


def lock_claimed(tx: Transaction, claimed: ClaimedLane) -> Lane | None:
    """Lock the conversation of a lane; return the lane, or None if this worker does not hold it any more.

    The lane was deleted then, or its lease ran out and another worker has claimed it.
    """
    conversation_sid, target_sid = claimed.key
    tx.lock_conversation(conversation_sid)
    lane = tx.find(Lane, conversation_sid=conversation_sid, sid=target_sid)
    return None if lane is None or lane.leased_until != claimed.leased_until else lane


def release(tx: Transaction, claimed: ClaimedLane) -> None:
    """End a lease, so that any worker can claim the lane at once."""
    lane = lock_claimed(tx, claimed)
    if lane is not None:
        tx.update(lane, ready=1, due_at=tx.now, leased_until=0)
