"""Retention: removes rows that are older than they may be kept, in small steps beside other work."""

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

# A row that expires right after a run waits for the next one; both fit into the minute that the docs promise.
EVERY_SECONDS = 20.0
# Small enough that a request that waits for a step waits for some ten milliseconds.
ROWS_PER_STEP = 500
# Between two steps others go first; SQLite's engine waits longer where it has to.
PAUSE_SECONDS = 0.005
# Longer than a step may take. A process that dies during a run is replaced after this time.
LEASE_MILLISECONDS = 15_000

log = structlog.get_logger()


class Expiring(NamedTuple):
    """The rows of one table that expire `keep_milliseconds` after a moment of theirs.

    `remove` deletes up to `limit` rows whose moment is at least `since` and before `until`, the oldest
    first, and returns their moments.
    """

    table: str
    keep_milliseconds: int
    remove: Callable[[Transaction, int, int, int], list[int]]


class Retention:
    """Removes expired rows of several tables; of several processes on one storage, one at a time does."""

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
        """Never raises: the next run tries again."""
        try:
            await self._remove(expiring, stop)
        except ApiError as error:
            log.warning("purge_waits", table=expiring.table, error=str(error))
        except Exception:
            log.exception("purge_failed", table=expiring.table)

    async def _remove(self, expiring: Expiring, stop: asyncio.Event) -> None:
        # Each step begins where the one before it ended: PostgreSQL would otherwise pass over all the
        # index entries of removed rows again, until a vacuum takes them away.
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
        """SQLite's write-ahead log still holds what was removed; if somebody reads from it, try next time."""
        if not self._log_needs_truncation:
            return
        try:
            done = await asyncio.to_thread(self._database.engine.truncate_log)
        except Unavailable as error:
            log.warning("purge_waits", error=str(error))
        else:
            self._log_needs_truncation = not done
