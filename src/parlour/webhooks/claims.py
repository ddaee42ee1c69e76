"""Claiming lanes: a read finds those that are ready, a short transaction takes them by their keys.

Neither depends on how many lanes are ready. The read steps over the index of ready lanes from one target
to the next, and takes of each as many lanes as the target has room for.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from parlour.store import Transaction
from parlour.webhooks.outbox import Lane

# Longer than a delivery and a wait for the storage take; then the lane of a worker that died is taken over.
LEASE_MILLISECONDS = 15_000
# Rows that one step over the index reads: more than the lanes of one target that are served at a time.
ROWS_OF_A_STEP = 64
# Targets without room that one look passes over. The next look goes on from there, so they keep no other out.
MAX_PASSED_OVER = 64
# Lanes of one transaction, which requests that write wait for.
MAX_CLAIMED = 64
MAX_MADE_READY = 64

# As the index has them. A step begins behind all lanes of a target, for no lane is due later than LAST.
READY = """SELECT carrier, conversation_sid, sid FROM webhook_lanes
WHERE ready = 1 AND due_at <= ? AND leased_until <= ? AND (carrier, due_at) > (?, ?)
ORDER BY carrier, due_at LIMIT ?"""
LAST = 2**63 - 1
# Repetitions whose time has come, and lanes of a worker that died. What a program of the version before has
# leased has a time in the past, too.
WAITED = """SELECT carrier, conversation_sid, sid FROM webhook_lanes
WHERE ready = 0 AND due_at <= ? AND leased_until <= ? ORDER BY due_at LIMIT ?"""

Place = tuple[str, int]
# A target may be called "", where a very old program has made its lane.
BEGINNING: Place = ("", -1)


class LaneKey(NamedTuple):
    """What identifies a lane."""

    conversation_sid: str
    target_sid: str


class Way(NamedTuple):
    """A lane that is ready, or that was claimed until `leased_until`."""

    carrier: str
    conversation_sid: str
    target_sid: str
    leased_until: int = 0

    @property
    def key(self) -> LaneKey:
        return LaneKey(self.conversation_sid, self.target_sid)


class Found(NamedTuple):
    """What a look has found: lanes to claim, and lanes that have waited long enough to be ready.

    The next look begins at `place`. There are more lanes than these if it is `limited`.
    """

    ready: Sequence[Way]
    waited: Sequence[Way]
    place: Place
    limited: bool


def find_lanes(
    tx: Transaction, place: Place, room_of: Callable[[str], int], held: Container[LaneKey], limit: int
) -> Found:
    """Find up to `limit` lanes that are ready and not `held`, of each target as many as it has room for."""
    waited = [Way(*row) for row in tx.select(WAITED, tx.now, tx.now, MAX_MADE_READY)]
    limited = len(waited) == MAX_MADE_READY
    ready: list[Way] = []
    seen: set[str] = set()
    passed_over = 0
    for carrier, lanes in ready_targets(tx, place):
        if carrier in seen:
            break
        seen.add(carrier)
        free = [lane for lane in lanes if lane.key not in held]
        taken = free[: min(room_of(carrier), limit - len(ready))]
        ready += taken
        passed_over += not taken
        limited = limited or len(free) > len(taken)
        if len(ready) == limit or passed_over == MAX_PASSED_OVER:
            return Found(ready, waited, (carrier, LAST), limited=True)
    return Found(ready, waited, BEGINNING, limited)


def ready_targets(tx: Transaction, place: Place) -> Iterator[tuple[str, list[Way]]]:
    """Yield the targets with ready lanes and the first of these lanes, from `place` on and once around."""
    from_the_beginning = place == BEGINNING
    while True:
        rows = [Way(*row) for row in tx.select(READY, tx.now, tx.now, *place, ROWS_OF_A_STEP)]
        targets = [(carrier, list(lanes)) for carrier, lanes in groupby(rows, attrgetter("carrier"))]
        at_the_end = len(rows) < ROWS_OF_A_STEP
        if not at_the_end and len(targets) > 1:
            # Of the last one there may be more lanes: the next step begins with it.
            targets.pop()
        yield from targets
        if not at_the_end:
            place = (targets[-1][0], LAST)
        elif from_the_beginning:
            return
        else:
            place, from_the_beginning = BEGINNING, True


def claim(tx: Transaction, found: Found) -> list[Way]:
    """Lease the lanes that were found ready and still are; make those ready that have waited.

    Lanes that another transaction holds are left for the next look, so this waits for nobody.
    """
    until = tx.now + LEASE_MILLISECONDS
    for lane in tx.find_free(Lane, [way.key for way in found.waited]):
        if is_due(lane, tx.now):
            tx.update(lane, ready=1)
    claimed = []
    for lane in tx.find_free(Lane, [way.key for way in found.ready]):
        if is_due(lane, tx.now):
            tx.update(lane, ready=0, due_at=until, leased_until=until)
            claimed.append(Way(lane.carrier, lane.conversation_sid, lane.sid, until))
    return claimed


def is_due(lane: Lane, now: int) -> bool:
    """Whether nobody has claimed or emptied it since it was found."""
    return lane.due_at is not None and lane.due_at <= now and lane.leased_until <= now


def release(tx: Transaction, way: Way) -> None:
    """Let anybody claim a lane at once."""
    lane = tx.find(Lane, conversation_sid=way.conversation_sid, sid=way.target_sid)
    if lane is not None and lane.leased_until == way.leased_until:
        tx.update(lane, ready=1, due_at=tx.now, leased_until=0)
