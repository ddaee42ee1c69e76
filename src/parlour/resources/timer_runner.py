"""Runs the timers of conversations: finds those that are due, and makes each change of state.

The moment of a timer is a date of its conversation, so nothing is kept in memory: the first search finds what
was due while no worker ran. A change is made only if the date is still there, in a transaction that holds the
conversation, so each timer runs once, however many processes try.
"""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import structlog

from parlour.errors import ApiError
from parlour.resources.conversations import Conversation, expire_timers
from parlour.store import Database, Transaction
from parlour.store.duties import leave_duty, take_duty
from parlour.store.transaction import LockKey
from parlour.webhooks.dispatcher import sleep_until

# How often the storage is searched for timers that are due.
POLL_SECONDS = 0.25
# The pause after the storage did not answer, or a timer could not run.
WAIT_SECONDS = 1.0
# Timers that one search finds: many, so that there are few searches. While PostgreSQL's statistics are from a
# time when few timers were due, each search sorts all that are, instead of reading the index in its order.
MAX_FOUND = 500
# Small enough that a request waits some milliseconds for a step.
TIMERS_PER_STEP = 20
# The pause between two steps; SQLite's engine waits longer if it has to.
PAUSE_SECONDS = 0.01
# One of several workers runs the timers. If it dies, another continues after this time.
DUTY = "timers"
LEASE_MILLISECONDS = 5_000

# In the order of the indexes.
FIND_DUE = tuple(
    f"""SELECT {date}, sid FROM conversations
WHERE {date} <= ? AND ({date}, sid) > (?, ?) ORDER BY {date}, sid LIMIT ?"""
    for date in ("date_inactive", "date_closed")
)
DROP_TIMERS = "UPDATE conversations SET date_inactive = NULL, date_closed = NULL WHERE sid = ?"

log = structlog.get_logger()


class DueTimer(NamedTuple):
    """A timer of a conversation, and the moment at which it was due, in milliseconds since 1970."""

    date: int
    conversation_sid: str


# Before every timer.
START = DueTimer(-(2**63), "")


def find_due(tx: Transaction, after: DueTimer) -> list[DueTimer]:
    """Find up to MAX_FOUND timers after `after` that are due, in the order of their moments."""
    found = [DueTimer(*row) for search in FIND_DUE for row in tx.select(search, tx.now, *after, MAX_FOUND)]
    return sorted(found)[:MAX_FOUND]


def steps_of(due: Sequence[DueTimer]) -> Iterator[Sequence[DueTimer]]:
    for start in range(0, len(due), TIMERS_PER_STEP):
        yield due[start : start + TIMERS_PER_STEP]


def run_timers(tx: Transaction, due: Sequence[DueTimer]) -> None:
    """Make the changes of these timers, unless activity has restarted them since they were found."""
    # Others may have changed these conversations in the same transaction: they are read again.
    tx.flush()
    tx.prefetch({LockKey(Conversation, each.conversation_sid) for each in due}, blocking=True)
    for each in due:
        conversation = tx.find(Conversation, sid=each.conversation_sid)
        if conversation is None:
            # It was deleted, or its service. Otherwise each search would find it until its row is removed.
            tx.execute(DROP_TIMERS, each.conversation_sid)
        else:
            expire_timers(tx, conversation, each.date)


async def run_due_timers(database: Database) -> None:
    """Run all timers that are due, without pauses: for the control API, whose clock jumps."""
    position = START
    # The search is a write: reads that share a snapshot share a time, which may be before the jump.
    while due := await database.write(partial(find_due, after=position)):
        for step in steps_of(due):
            await database.write(partial(run_timers, due=step), conversations=conversations_of(step))
        position = due[-1]


def conversations_of(due: Sequence[DueTimer]) -> set[str]:
    return {each.conversation_sid for each in due}


class TimerRunner:
    """Runs timers that are due, in small steps, between which other writers work.

    `url` is the server's. A worker that replaces one that died has the same, and so holds its duty at once.
    """

    def __init__(self, database: Database, url: str) -> None:
        self._database, self._holder = database, f"{socket.gethostname()} {url}"

    async def run(self, stop: asyncio.Event) -> None:
        """Search for timers every POLL_SECONDS until `stop`, and run those that are due."""
        while not stop.is_set():
            try:
                all_ran = await self._run_due(stop)
            except ApiError as error:
                log.warning("timers_wait", error=str(error))
                all_ran = False
            except Exception:
                log.exception("timers_failed")
                all_ran = False
            await sleep_until(stop, POLL_SECONDS if all_ran else WAIT_SECONDS)

    async def _run_due(self, stop: asyncio.Event) -> bool:
        """Run all timers that are due, unless another worker has the duty. Returns False if one failed."""
        position, all_ran = START, True
        # Each search begins behind the timers that have run: PostgreSQL would read their index entries again
        # until they are vacuumed. And a timer that cannot run does not keep those behind it.
        while due := await self._database.read(partial(find_due, after=position)):
            for step in steps_of(due):
                is_last = step[-1] is due[-1] and len(due) < MAX_FOUND
                try:
                    has_duty = await self._write(step, leaves=is_last)
                except ApiError:
                    raise
                except Exception:  # noqa: BLE001 - whatever it is, it is logged with the timer that fails
                    has_duty, all_ran = True, False
                    for each in step:
                        await self._run_alone(each)
                if stop.is_set() or not has_duty:
                    return all_ran
                await sleep_until(stop, PAUSE_SECONDS)
            position = due[-1]
        return all_ran

    async def _run_alone(self, timer: DueTimer) -> None:
        try:
            await self._write([timer], leaves=False)
        except ApiError:
            raise
        except Exception:
            log.exception("timer_failed", conversation_sid=timer.conversation_sid)

    async def _write(self, due: Sequence[DueTimer], *, leaves: bool) -> bool:
        """Run these timers in one transaction. Returns False if another worker has the duty."""
        work = partial(self._step, due=due, leaves=leaves)
        return await self._database.write(work, conversations=conversations_of(due))

    def _step(self, tx: Transaction, due: Sequence[DueTimer], *, leaves: bool) -> bool:
        if not take_duty(tx, DUTY, self._holder, LEASE_MILLISECONDS):
            return False
        run_timers(tx, due)
        if leaves:
            leave_duty(tx, DUTY, self._holder)
        return True
