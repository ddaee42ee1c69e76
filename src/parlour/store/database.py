"""The database: runs plain functions in transactions, on the writer or on a reader."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from parlour import errors
from parlour.store.sqlite import UNAVAILABLE, SQLite
from parlour.store.transaction import Transaction
from parlour.store.writer import Failure, Writer, commit_together
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
        engine: SQLite,
        clock: Callable[[], int] = milliseconds_now,
        new_sid: Callable[[str], str] | None = None,
    ) -> None:
        self.engine, self.clock = engine, clock
        self._new_sid = SidSource(clock) if new_sid is None else new_sid
        self._reader = engine.connect(read_only=True)
        self._writer: Writer | None = None

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """The result of `work` once its transaction is on the disk."""
        if self._writer is None:
            self._writer = Writer(self.engine, self.clock, self._new_sid)
        result: T = await self._writer.write(work)
        return result

    async def rehearse(self, work: Callable[[Transaction], T]) -> T:
        """The result of `work`, of whose writes nothing remains."""

        def rehearsal(tx: Transaction) -> None:
            raise Rehearsed(work(tx))

        try:
            await self.write(rehearsal)
        except Rehearsed as done:
            result: T = done.result
            return result
        raise AssertionError

    def commits_seen(self) -> int | None:
        """A number that stands while nothing at all is committed, by whatever process; or None."""
        try:
            return self.engine.commits_seen(self._reader)
        except UNAVAILABLE:
            raise errors.SERVICE_UNAVAILABLE() from None

    def glance(self, work: Callable[[Transaction], T]) -> T:
        """The result of `work` that asks one thing: each statement sees a snapshot of its own."""
        try:
            return work(Transaction(self._reader, self.clock(), self._new_sid))
        except UNAVAILABLE:
            raise errors.SERVICE_UNAVAILABLE() from None

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """The result of `work` on one snapshot; it takes microseconds and waits for nobody.

        It runs on the event loop's own thread: handing it to another costs more than it does.
        """
        reader = self._reader
        try:
            reader.execute("BEGIN")
            try:
                return work(Transaction(reader, self.clock(), self._new_sid))
            finally:
                reader.execute("COMMIT")
        except UNAVAILABLE:
            raise errors.SERVICE_UNAVAILABLE() from None

    def run(self, work: Callable[[Transaction], T]) -> T:
        """Do work in a transaction of its own, in the calling thread: for the command line."""
        connection = self.engine.connect()
        try:
            [outcome] = commit_together(connection, [work], self.clock(), self._new_sid)
        finally:
            connection.close()
        if isinstance(outcome, Failure):
            raise outcome.error
        result: T = outcome
        return result

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader.close()
