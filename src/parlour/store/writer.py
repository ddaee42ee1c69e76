"""The writer: one thread that commits all the work that waits for it together."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from parlour import errors
from parlour.store.sqlite import BEGIN_WRITE, UNAVAILABLE, SQLite
from parlour.store.transaction import Transaction

MAX_TOGETHER = 256
MAX_WAITING = 10_000

Work = Callable[[Transaction], Any]
Job = tuple[Work, "asyncio.Future[Any]"]

log = structlog.get_logger()


class Spoiled(Exception):
    """Work failed after it had written, so what it wrote with others has to be undone."""


class Failure:
    """What a piece of work raised, carried to whoever waits for it."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Writer:
    """Drains a queue of work; each commit is on the disk before anyone hears of it."""

    def __init__(self, engine: SQLite, clock: Callable[[], int], new_sid: Callable[[str], str]) -> None:
        self._connection = engine.connect()
        self._clock, self._new_sid = clock, new_sid
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    async def write(self, work: Work) -> Any:
        """The result of `work` once it is on the disk; raises what it raised."""
        if self._queue.qsize() >= MAX_WAITING or not self._thread.is_alive():
            raise errors.SERVICE_UNAVAILABLE()
        future = asyncio.get_running_loop().create_future()
        self._queue.put((work, future))
        return await future

    def close(self) -> None:
        """Finish all that is waiting, then stop."""
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            jobs = [job]
            last = False
            while len(jobs) < MAX_TOGETHER and not self._queue.empty():
                following = self._queue.get()
                if following is None:
                    last = True
                    break
                jobs.append(following)
            self._answer(jobs, self._commit([work for work, _ in jobs]))
            if last:
                return

    def _answer(self, jobs: list[Job], outcomes: list[Any]) -> None:
        answers = [(future, outcome) for (_, future), outcome in zip(jobs, outcomes, strict=True)]
        # A loop that is closed has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            jobs[0][1].get_loop().call_soon_threadsafe(settle, answers)

    def _commit(self, works: list[Work]) -> list[Any]:
        try:
            return commit_together(self._connection, works, self._clock(), self._new_sid)
        except UNAVAILABLE as error:
            log.error("storage_unavailable", error=str(error))  # noqa: TRY400 - the trace tells nothing more
            return [Failure(errors.SERVICE_UNAVAILABLE())] * len(works)
        except Exception as error:  # noqa: BLE001 - whatever it is, the writer goes on and the caller hears of it
            return [Failure(error)] * len(works)


def settle(answers: Iterable[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, outcome in answers:
        if future.done():
            continue
        if type(outcome) is Failure:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome)


def commit_together(connection: Any, works: list[Work], now: int, new_sid: Callable[[str], str]) -> list[Any]:
    """The result or Failure of each piece of work, all of them committed at once.

    Work that fails has nearly always written nothing yet, so the first try spends no savepoints.
    Where one fails after a write, or the storage refuses what was held back, all is rolled back and
    done again with a savepoint each: one failure harms no other.
    """
    tx = Transaction(connection, now, new_sid)
    try:
        return commit(connection, tx, [plainly(tx, work) for work in begun(connection, works)])
    except UNAVAILABLE:
        roll_back(connection)
        raise
    except Exception:  # noqa: BLE001 - the second try finds out whose it is
        roll_back(connection)
    tx = Transaction(connection, now, new_sid)
    try:
        return commit(
            connection, tx, [in_savepoint(connection, tx, work) for work in begun(connection, works)]
        )
    except BaseException:
        roll_back(connection)
        raise


def begun(connection: Any, works: list[Work]) -> list[Work]:
    connection.execute(BEGIN_WRITE)
    return works


def commit(connection: Any, tx: Transaction, outcomes: list[Any]) -> list[Any]:
    tx.flush()
    connection.execute("COMMIT")
    return outcomes


def roll_back(connection: Any) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def plainly(tx: Transaction, work: Work) -> Any:
    writes = tx.writes
    try:
        return work(tx)
    except Exception as error:
        if tx.writes != writes:
            raise Spoiled from error
        return Failure(error)


def in_savepoint(connection: Any, tx: Transaction, work: Work) -> Any:
    connection.execute("SAVEPOINT work")
    try:
        result = work(tx)
        tx.flush()
    except UNAVAILABLE:
        raise
    except Exception as error:  # noqa: BLE001 - it is the caller's, who is told
        tx.discard()
        connection.execute("ROLLBACK TO work")
        result = Failure(error)
    connection.execute("RELEASE work")
    return result
