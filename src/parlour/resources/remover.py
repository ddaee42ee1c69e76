"""The remover: a thread of the server that takes the steps of deletions, with pauses for other work."""

import asyncio
import contextlib
import threading
from functools import partial
from typing import Self

import structlog

from parlour.errors import ApiError
from parlour.resources.deletions import STEP_ROWS, Step, find_deleted, remove_some
from parlour.store import Database, Transaction
from parlour.store.duties import leave_duty, take_duty
from parlour.store.storage_errors import Unavailable
from parlour.webhooks.dispatcher import sleep_until

DUTY = "deletions"
# One of several servers takes the steps. If it dies, another continues after this time.
LEASE_MILLISECONDS = 15_000
RENEW_SECONDS = 5.0
# How often the storage is searched for tombstones.
POLL_SECONDS = 0.25
# The pause after the storage did not answer.
WAIT_SECONDS = 5.0

# A step that takes longer is followed by one of half as many rows.
STEP_SECONDS = 0.05
MIN_ROWS = 20
# The pause after a step is this many times as long as the step, within a limit: under any load, more rows a
# second are removed than clients can add.
PAUSE_TIMES = 2.0
MAX_PAUSE_SECONDS = 0.05

log = structlog.get_logger()


class Pace:
    """The number of rows that the next step may remove, and the pause before it."""

    def __init__(self) -> None:
        self.rows = STEP_ROWS

    def pause_after(self, seconds: float) -> float:
        if seconds > STEP_SECONDS:
            self.rows = max(self.rows // 2, MIN_ROWS)
        else:
            self.rows = min(self.rows * 2, STEP_ROWS)
        return min(seconds * PAUSE_TIMES, MAX_PAUSE_SECONDS)


async def remove_all(database: Database) -> None:
    """Take all steps, in transactions of the calling thread: for the command line."""
    pace, clock = Pace(), asyncio.get_running_loop().time
    started = clock()
    step = database.run(partial(remove_some, last=None, rows=pace.rows))
    while step is not None:
        await asyncio.sleep(pace.pause_after(clock() - started))
        started = clock()
        step = database.run(partial(remove_some, last=step, rows=pace.rows))


class Remover:
    """A thread that searches for tombstones every POLL_SECONDS and removes their rows.

    `holder` is the name under which the process holds the duty.
    """

    def __init__(self, database: Database, holder: str) -> None:
        self._database, self._aside, self._holder = database, database.aside(), holder
        self._session = database.engine.open(read_only=True)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="remover", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()
        self._session.close()
        if self._aside is not self._database:
            self._aside.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._remove_until_stopped())

    async def _remove_until_stopped(self) -> None:
        while not self._stop.is_set():
            wait = POLL_SECONDS
            try:
                if self._has_work():
                    await self._remove()
            except (Unavailable, ApiError) as error:
                log.warning("deletions_wait", error=str(error))
                wait = WAIT_SECONDS
            except Exception:
                log.exception("deletions_wait")
                wait = WAIT_SECONDS
            await sleep_until(self._stop, wait)

    def _has_work(self) -> bool:
        """Whether there is a tombstone: a read, which delays no writer."""
        engine = self._database.engine
        try:
            self._session.begin()
            tx = Transaction(self._session, self._database.clock(), lambda _: "")
            return find_deleted(tx) is not None
        except engine.faults as error:
            raise Unavailable(str(engine.redacted(error))) from None
        finally:
            self._session.roll_back()

    async def _remove(self) -> None:
        """Take steps until nothing is left, or another process holds the duty."""
        take = partial(take_duty, name=DUTY, holder=self._holder, milliseconds=LEASE_MILLISECONDS)
        pace, renewed = Pace(), -RENEW_SECONDS
        step: Step | None = None
        try:
            while not self._stop.is_set():
                started = self._loop.time()
                if started - renewed >= RENEW_SECONDS:
                    if not await self._aside.write(take):
                        return
                    renewed = started
                step = await self._aside.write(partial(remove_some, last=step, rows=pace.rows))
                if step is None:
                    break
                await sleep_until(self._stop, pace.pause_after(self._loop.time() - started))
        finally:
            with contextlib.suppress(ApiError):
                await self._aside.write(partial(leave_duty, name=DUTY, holder=self._holder))
