"""Retention: removes rows that have expired, in small steps, between which other writers work."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from parlour.errors import ApiError
from parlour.store.database import Database
from parlour.store.duties import leave_duty, take_duty
from parlour.store.storage_errors import Unavailable
from parlour.store.transaction import Transaction

# A row that expires just after a run is removed by the next one, within the minute that the docs promise.
EVERY_SECONDS = 20.0
# Small enough that a request waits some ten milliseconds for a step.
ROWS_PER_STEP = 500
# The pause between two steps; SQLite's engine waits longer if it has to.
PAUSE_SECONDS = 0.005
# Longer than a step may take. A process that dies during a run is replaced after this time.
LEASE_MILLISECONDS = 15_000

log = structlog.get_logger()


class Expiring(NamedTuple):
    """The rows of one table, which expire `keep_milliseconds` after a moment that they hold.

    `remove` deletes up to `limit` rows whose moment is at least `since` and before `until`, the oldest
    first, and returns their moments.
    """

    table: str
    keep_milliseconds: int
    remove: Callable[[Transaction, int, int, int], list[int]]


class Retention:
    """Removes expired rows of several tables. Of several processes on one storage, one at a time does so."""

    def __init__(self, database: Database, tables: Sequence[Expiring]) -> None:
        self._database, self._tables = database, tables
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._log_needs_truncation = False

    async def run(self, stop: asyncio.Event) -> None:
        """Remove what has expired, every EVERY_SECONDS, until `stop`."""
        while not stop.is_set():
            await self.run_once(stop)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY_SECONDS)

    async def run_once(self, stop: asyncio.Event) -> None:
        """Remove all that has expired by now."""
        for expiring in self._tables:
            await self._remove_surely(expiring, stop)
        await self._truncate_log()

    async def _remove_surely(self, expiring: Expiring, stop: asyncio.Event) -> None:
        """As `_remove`, but errors are logged: the next run tries again."""
        try:
            await self._remove(expiring, stop)
        except ApiError as error:
            log.warning("purge_waits", table=expiring.table, error=str(error))
        except Exception:
            log.exception("purge_failed", table=expiring.table)

    async def _remove(self, expiring: Expiring, stop: asyncio.Event) -> None:
        # Each step begins where the one before it ended. Otherwise PostgreSQL would read all index entries of
        # removed rows again, until they are vacuumed.
        since, more = 0, True
        while more and not stop.is_set():
            moments = await self._database.write(lambda tx: self._step(tx, expiring, since))  # noqa: B023 - awaited
            more = len(moments) == ROWS_PER_STEP
            if moments:
                since, self._log_needs_truncation = max(moments), True
            if more:
                await asyncio.sleep(PAUSE_SECONDS)

    def _step(self, tx: Transaction, expiring: Expiring, since: int) -> list[int]:
        duty = f"retention of {expiring.table}"
        if not take_duty(tx, duty, self._holder, LEASE_MILLISECONDS):
            return []
        moments = expiring.remove(tx, since, tx.now - expiring.keep_milliseconds, ROWS_PER_STEP)
        if len(moments) < ROWS_PER_STEP:
            leave_duty(tx, duty, self._holder)
        return moments

    async def _truncate_log(self) -> None:
        """Remove the rows from SQLite's write-ahead log, too; in the next run, if a session reads it now."""
        if not self._log_needs_truncation:
            return
        try:
            done = await asyncio.to_thread(self._database.engine.truncate_log)
        except Unavailable as error:
            log.warning("purge_waits", error=str(error))
        else:
            self._log_needs_truncation = not done
