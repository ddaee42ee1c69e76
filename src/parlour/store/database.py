"""The database: runs plain functions in transactions, on a writer or on a reader."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from parlour.store.engine import Engine, Reader
from parlour.store.transaction import About, Transaction
from parlour.store.writer import Failure, Task, Writer, commit_together
from parlour.wire.sids import SidSource

T = TypeVar("T")


def milliseconds_now() -> int:
    return time.time_ns() // 1_000_000


class Rehearsed(Exception):
    """Work is done, and is to be undone."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


class Database:
    """Only here are the clock and the source of SIDs known."""

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
        about: About | None = None,
        *,
        conversations: Iterable[str] = (),
    ) -> T:
        """The result of `work` once its transaction is on the disk.

        Work that is `about` something, a conversation for instance, waits for nobody who holds
        another; where processes share the storage, a writer of its own does all that is about nothing.
        `conversations` are the SIDs of those that the work will lock: the writer locks those of all the
        work that it commits together before it begins, in the order of their SIDs.
        """
        if not self._writers:
            # Callers may have event loops of their own, in other threads.
            with self._opening:
                self._writers = self._writers or self._open_writers()
        task = Task(work, about, tuple(conversations))
        result: T = await self._writers[0 if about else -1].write(task)
        return result

    def _open_writers(self) -> list[Writer]:
        patient = Writer(self.engine, self.clock, self._new_sid)
        if not self.engine.shared:
            return [patient]
        # In the order of closing: one may leave work to the other.
        return [Writer(self.engine, self.clock, self._new_sid, patient), patient]

    def aside(self) -> "Database":
        """For work that nobody waits for: with writers of its own, or this one if only one may write.

        To be closed if it is not this one.
        """
        return Database(self.engine, self.clock, self._new_sid) if self.engine.shared else self

    async def rehearse(self, work: Callable[[Transaction], T], about: About | None = None) -> T:
        """The result of `work`, of whose writes nothing remains."""

        def rehearsal(tx: Transaction) -> None:
            raise Rehearsed(work(tx))

        try:
            await self.write(rehearsal, about)
        except Rehearsed as done:
            result: T = done.result
            return result
        raise AssertionError

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """The result of `work`, which sees one snapshot; it waits for no writer."""
        if self._reader is None:
            self._reader = self.engine.open_reader(self.clock, self._new_sid)
        return await self._reader.read(work)

    def run(self, work: Callable[[Transaction], T]) -> T:
        """Do work in a transaction of its own, in the calling thread: for the command line."""
        session = self.engine.open()
        try:
            [outcome] = commit_together(self.engine, session, [Task(work)], self.clock(), self._new_sid)
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
