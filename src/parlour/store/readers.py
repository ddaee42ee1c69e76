"""Reads in threads, for an engine whose answers take longer than the change to another thread."""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from parlour import errors
from parlour.store.engine import Engine
from parlour.store.session import Session
from parlour.store.storage_errors import Unavailable
from parlour.store.transaction import Transaction
from parlour.store.writer import Failure, Job, answer, take_waiting

T = TypeVar("T")

MAX_TOGETHER = 32


class ThreadedReader:
    """Runs reads in threads. Reads that wait together share a snapshot that is younger than each of them."""

    def __init__(
        self, engine: Engine, threads: int, clock: Callable[[], int], new_sid: Callable[[str], str]
    ) -> None:
        self._engine, self._clock, self._new_sid = engine, clock, new_sid
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name="reader", daemon=True) for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    async def read(self, work: Callable[[Transaction], T]) -> T:
        future = asyncio.get_running_loop().create_future()
        self._queue.put(Job(work, future))
        result: T = await future
        return result

    def close(self) -> None:
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        session = self._engine.open(read_only=True)
        while (job := self._queue.get()) is not None:
            jobs = [job]
            last = take_waiting(self._queue, jobs, MAX_TOGETHER)
            answer(jobs, self._read(session, [each.work for each in jobs]))
            if last:
                break
        session.close()

    def _read(self, session: Session, works: list[Callable[[Transaction], Any]]) -> list[Any]:
        try:
            session.begin()
            tx = Transaction(session, self._clock(), self._new_sid)
            outcomes = [self._outcome(tx, work) for work in works]
        except self._engine.faults as error:
            unavailable = self._engine.as_unavailable(error) or Unavailable(str(self._engine.redacted(error)))
            self._engine.health.failed("reads", unavailable)
            return [Failure(errors.SERVICE_UNAVAILABLE())] * len(works)
        else:
            self._engine.health.worked("reads")
            return outcomes
        finally:
            session.roll_back()

    def _outcome(self, tx: Transaction, work: Callable[[Transaction], Any]) -> Any:
        try:
            return work(tx)
        except self._engine.faults:
            raise
        except Exception as error:  # noqa: BLE001 - it is raised again to the caller
            return Failure(error)
