"""Runs the timers of conversations: finds those that are due, and makes each change of state.

A timer is due at a date of its conversation, so nothing is kept in memory: what was due while no worker ran is
found by the first search. A change is made only if the date is still there, in a transaction that holds the
conversation, so each timer runs once, however many processes try.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
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
# Small enough that a request waits some milliseconds for a step.
TIMERS_PER_STEP = 20
# The pause between two steps; SQLite's engine waits longer if it has to.
PAUSE_SECONDS = 0.01
# One of several workers runs the timers. If it dies, another continues after this time.
DUTY = "timers"
LEASE_MILLISECONDS = 5_000

DUE = """SELECT {date}, sid FROM conversations
WHERE {date} <= ? AND ({date}, sid) > (?, ?) ORDER BY {date}, sid LIMIT ?"""
DUE_INACTIVE, DUE_CLOSED = DUE.format(date="date_inactive"), DUE.format(date="date_closed")
DROP_TIMERS = "UPDATE conversations SET date_inactive = NULL, date_closed = NULL WHERE sid = ?"

log = structlog.get_logger()


class DueTimer(NamedTuple):
    """A timer of a conversation, and the moment at which it was due, in milliseconds since 1970."""

    date: int
    conversation_sid: str


# Before every timer.
START = DueTimer(-(2**63), "")


def find_due(tx: Transaction, after: DueTimer) -> list[DueTimer]:
    """Find the first TIMERS_PER_STEP timers after `after` that are due, in the order of their moments."""
    found = [
        DueTimer(*row)
        for search in (DUE_INACTIVE, DUE_CLOSED)
        for row in tx.select(search, tx.now, *after, TIMERS_PER_STEP)
    ]
    return sorted(found)[:TIMERS_PER_STEP]


def run_timers(tx: Transaction, due: Sequence[DueTimer]) -> None:
    """Make the changes of these timers, unless activity has restarted them since they were found."""
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
        await database.write(partial(run_timers, due=due), conversations=conversations_of(due))
        position = due[-1]


def conversations_of(due: Sequence[DueTimer]) -> set[str]:
    return {each.conversation_sid for each in due}


class TimerRunner:
    """Runs timers that are due, in small steps, between which other writers work."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._holder = f"{socket.gethostname()}:{os.getpid()}"

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
        """Run all timers that are due, or none if another worker has the duty. Returns False if one failed."""
        position, all_ran = START, True
        while not stop.is_set():
            # Each search begins behind the timers that have run: PostgreSQL would read their index entries
            # again until they are vacuumed. And a timer that cannot run does not keep those behind it.
            due = await self._database.read(partial(find_due, after=position))
            if not due:
                break
            try:
                if not await self._write(due):
                    break
            except ApiError:
                raise
            except Exception:  # noqa: BLE001 - whatever it is, it is logged with the timer that fails
                all_ran = False
                for each in due:
                    await self._run_alone(each)
            position = due[-1]
            await sleep_until(stop, PAUSE_SECONDS)
        return all_ran

    async def _run_alone(self, timer: DueTimer) -> None:
        try:
            await self._write([timer])
        except ApiError:
            raise
        except Exception:
            log.exception("timer_failed", conversation_sid=timer.conversation_sid)

    async def _write(self, due: Sequence[DueTimer]) -> bool:
        """Run these timers in one transaction. Returns False if another worker has the duty."""
        return await self._database.write(partial(self._step, due=due), conversations=conversations_of(due))

    def _step(self, tx: Transaction, due: Sequence[DueTimer]) -> bool:
        if not take_duty(tx, DUTY, self._holder, LEASE_MILLISECONDS):
            return False
        run_timers(tx, due)
        if len(due) < TIMERS_PER_STEP:
            leave_duty(tx, DUTY, self._holder)
        return True
