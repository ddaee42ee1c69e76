"""The database: runs plain functions in transactions, on the writer or on a reader."""

import asyncio
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
        self._turn: Transaction | None = None

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

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """The result of `work`; it takes microseconds and waits for nobody.

        All that is read in one turn of the event loop sees one snapshot and shares what was found:
        the snapshot is younger than each request that the turn began with. It runs on the loop's own
        thread: handing it to another costs more than it does.
        """
        try:
            if self._turn is None:
                self._reader.execute("BEGIN")
                self._turn = Transaction(self._reader, self.clock(), self._new_sid)
                asyncio.get_running_loop().call_soon(self._end_turn)
            return work(self._turn)
        except UNAVAILABLE:
            raise errors.SERVICE_UNAVAILABLE() from None

    def _end_turn(self) -> None:
        self._turn = None
        if self._reader.in_transaction:
            self._reader.execute("COMMIT")

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
