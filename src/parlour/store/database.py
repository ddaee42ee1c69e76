"""The database: runs plain functions in transactions, on a writer or on a reader."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from parlour import errors
from parlour.store.engine import Engine, Reader
from parlour.store.health import Side
from parlour.store.storage_errors import Unavailable
from parlour.store.transaction import LockKey, Transaction
from parlour.store.writer import Failure, Job, Writer, commit_together
from parlour.wire.sids import SidSource

T = TypeVar("T")


def milliseconds_now() -> int:
    return time.time_ns() // 1_000_000


class Rehearsed(Exception):
    """Carries the result of a rehearsal, and has the transaction rolled back."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


class Database:
    """Runs work on a storage engine. It alone knows the clock and the source of SIDs."""

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], int] = milliseconds_now,
        new_sid: Callable[[str], str] | None = None,
    ) -> None:
        self.engine, self.clock = engine, clock
        self._new_sid = SidSource(clock) if new_sid is None else new_sid
        self._reader: Reader | None = None
        self._writers: list[Writer] = []
        self._opening = threading.Lock()

    async def write(
        self,
        work: Callable[[Transaction], T],
        lock_key: LockKey | None = None,
        *,
        conversations: Iterable[str] = (),
    ) -> T:
        """Return the result of `work` once its transaction is on the disk.

        With a `lock_key`, a conversation for instance, it waits for no lock of another row; where
        processes share the storage, a second writer does the work without a lock key. `conversations` are
        the SIDs of those that the work will lock: the writer locks those of all the work that it commits
        together before it begins, in the order of their SIDs.
        """
        if not self._writers:
            # Callers may have event loops of their own, in other threads.
            with self._opening:
                self._writers = self._writers or self._opened("writes", self._open_writers)
        writer = self._writers[0 if lock_key else -1]
        result: T = await writer.write(work, lock_key, tuple(conversations))
        return result

    def _opened(self, side: Side, open_: Callable[[], T]) -> T:
        """Open a reader or writers. Raises 503/20503 if the storage is unavailable or damaged."""
        try:
            return open_()
        except Unavailable as error:
            self.engine.health.failed(side, error)
            raise errors.SERVICE_UNAVAILABLE() from None

    def _open_reader(self) -> Reader:
        return self.engine.open_reader(self.clock, self._new_sid)

    def _open_writers(self) -> list[Writer]:
        blocking = Writer(self.engine, self.clock, self._new_sid)
        if not self.engine.shared:
            return [blocking]
        # They are closed in this order: the first may give jobs to the second.
        return [Writer(self.engine, self.clock, self._new_sid, blocking), blocking]

    def aside(self) -> "Database":
        """Return a database for background work: with writers of its own where the engine is shared.

        The caller closes it if it is not this one.
        """
        return Database(self.engine, self.clock, self._new_sid) if self.engine.shared else self

    async def rehearse(self, work: Callable[[Transaction], T], lock_key: LockKey | None = None) -> T:
        """Return the result of `work`, and undo its writes."""

        def rehearsal(tx: Transaction) -> None:
            raise Rehearsed(work(tx))

        try:
            await self.write(rehearsal, lock_key)
        except Rehearsed as done:
            result: T = done.result
            return result
        raise AssertionError

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Return the result of `work`, which sees one snapshot and waits for no writer."""
        if self._reader is None:
            self._reader = self._opened("reads", self._open_reader)
        return await self._reader.read(work)

    def run(self, work: Callable[[Transaction], T]) -> T:
        """Return the result of `work`, done in a transaction in the calling thread: for the command line."""
        session = self.engine.open()
        try:
            [outcome] = commit_together(self.engine, session, [Job(work)], self.clock(), self._new_sid)
        finally:
            session.close()
        if isinstance(outcome, Failure):
            raise outcome.error
        result: T = outcome
        return result

    def close(self) -> None:
        for writer in self._writers:
            writer.close()
        if self._reader is not None:
            self._reader.close()
