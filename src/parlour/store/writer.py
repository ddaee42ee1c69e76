"""The writer: a thread that commits all waiting jobs together."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from parlour import errors
from parlour.store.engine import Engine
from parlour.store.session import Session
from parlour.store.storage_errors import Unavailable
from parlour.store.transaction import LockKey, Transaction

MAX_WAITING = 10_000
# How often a transaction is tried if others conflict with it.
MAX_CONFLICTS = 5
# How often a job whose row is locked elsewhere is deferred, before a writer waits for the lock.
MAX_DEFERRED = 3

Work = Callable[[Transaction], Any]


class FailedAfterWrites(Exception):
    """Work failed after it had written, so the transaction that it shares has to be rolled back."""


class Failure:
    """The error that a job raised, on its way to the caller."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Job(NamedTuple):
    """A piece of work and its caller's future.

    `lock_key` is the row that it locks first; `conversations` are the SIDs of those that it locks too.
    """

    work: Work
    future: "asyncio.Future[Any] | None" = None
    lock_key: LockKey | None = None
    conversations: tuple[str, ...] = ()
    times_deferred: int = 0

    @property
    def order(self) -> str:
        return "" if self.lock_key is None else self.lock_key.sid


class Deferred:
    """The outcome of a job that is to be done later."""


DEFERRED = Deferred()


class Writer:
    """Commits the jobs of a queue in batches; each commit is on the disk before a caller is answered.

    A writer with a `blocking` one beside it never waits for a lock: jobs whose rows are locked elsewhere
    are deferred to its next batch and, after MAX_DEFERRED times, given to the blocking writer.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], int],
        new_sid: Callable[[str], str],
        blocking: "Writer | None" = None,
    ) -> None:
        self._engine, self._session, self._blocking = engine, engine.open(), blocking
        self._clock, self._new_sid = clock, new_sid
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    async def write(
        self, work: Work, lock_key: LockKey | None = None, conversations: tuple[str, ...] = ()
    ) -> Any:
        """Return the result of `work` once it is on the disk; raise what it raised."""
        if self._queue.qsize() >= MAX_WAITING or not self._thread.is_alive():
            raise errors.SERVICE_UNAVAILABLE()
        future = asyncio.get_running_loop().create_future()
        self.take(Job(work, future, lock_key, conversations))
        return await future

    def take(self, job: Job) -> None:
        """Put a job into the queue, however long it is: a deferred one was accepted before."""
        self._queue.put(job)

    def close(self) -> None:
        """Finish all that is waiting, then stop."""
        self._queue.put(None)
        self._thread.join()
        self._session.close()

    def _run(self) -> None:
        jobs: list[Job] = []
        last = False
        while jobs or not last:
            if not jobs:
                if (job := self._queue.get()) is None:
                    return
                jobs = [job]
            last = take_waiting(self._queue, jobs, self._engine.jobs_at_once) or last
            jobs = self._do(jobs)

    def _do(self, jobs: list[Job]) -> list[Job]:
        """Commit the jobs that can be committed now, and answer their callers. Return the deferred jobs."""
        if self._engine.shared:
            # In an order that all writers share, so that no two wait for each other.
            jobs.sort(key=attrgetter("order"))
        outcomes = self._commit(jobs)
        if self._blocking is None:
            answer(jobs, outcomes)
            return []
        deferred = [job for job, outcome in zip(jobs, outcomes, strict=True) if outcome is DEFERRED]
        done = [job for job, outcome in zip(jobs, outcomes, strict=True) if outcome is not DEFERRED]
        answer(done, [outcome for outcome in outcomes if outcome is not DEFERRED])
        return self._defer(deferred, self._blocking, most=MAX_DEFERRED if done else 0)

    def _defer(self, jobs: list[Job], blocking: "Writer", most: int) -> list[Job]:
        """Return jobs for the next batch; give those deferred `most` times to the blocking writer."""
        for job in jobs:
            if job.times_deferred >= most:
                blocking.take(job)
        return [
            job._replace(times_deferred=job.times_deferred + 1) for job in jobs if job.times_deferred < most
        ]

    def _commit(self, jobs: list[Job]) -> list[Any]:
        try:
            return commit_together(
                self._engine,
                self._session,
                jobs,
                self._clock(),
                self._new_sid,
                blocking=self._blocking is None,
            )
        except Unavailable as error:
            self._engine.health.failed("writes", error)
            return [Failure(errors.SERVICE_UNAVAILABLE())] * len(jobs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the writer goes on and the caller hears of it
            return [Failure(self._engine.redacted(error))] * len(jobs)


def take_waiting(waiting: "queue.SimpleQueue[Any]", jobs: list[Any], most: int) -> bool:
    """Add the jobs that wait, up to `most`. Return whether the end of all jobs was met."""
    while len(jobs) < most and not waiting.empty():
        try:
            following = waiting.get_nowait()
        except queue.Empty:
            break
        if following is None:
            return True
        jobs.append(following)
    return False


def answer(jobs: Sequence[Job], outcomes: list[Any]) -> None:
    """Set the outcomes of the jobs' futures, with one wake-up of each event loop that waits."""
    answers: dict[Any, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.future is not None:
            answers.setdefault(job.future.get_loop(), []).append((job.future, outcome))
    for loop, of_loop in answers.items():
        # Nobody waits on a loop that is closed.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, of_loop)


def settle(answers: Iterable[tuple["asyncio.Future[Any]", Any]]) -> None:
    for future, outcome in answers:
        if future.done():
            continue
        if type(outcome) is Failure:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome)


def commit_together(
    engine: Engine,
    session: Session,
    jobs: Sequence[Job],
    now: int,
    new_sid: Callable[[str], str],
    *,
    blocking: bool = True,
) -> list[Any]:
    """Commit all jobs at once and return each one's result or Failure. Raises Unavailable.

    With `blocking=False`, the outcome of a job whose row is locked elsewhere is DEFERRED.

    Work that fails has nearly always written nothing yet, so the first try spends no savepoints.
    Where one fails after a write, or the storage refuses what was held back, all is rolled back and
    done again with a savepoint each: one failure harms no other.
    """
    for tries in range(MAX_CONFLICTS):
        try:
            session.begin()
            tx = Transaction(session, now, new_sid, locks=engine.shared, combines=engine.combines)
            outcomes = perform(engine, session, tx, jobs, blocking=blocking, savepoints=tries > 0)
            tx.commit()
        except engine.conflicts:
            session.roll_back()
        except Exception as error:
            session.roll_back()
            if (unavailable := engine.as_unavailable(error)) is not None:
                raise unavailable from None
            # The second try, with savepoints, finds the job that fails.
            if tries > 0:
                raise
        except BaseException:
            session.roll_back()
            raise
        else:
            if tx.writes:
                engine.health.worked("writes")
            return outcomes
    raise Unavailable(f"others were in the way {MAX_CONFLICTS} times")


def perform(
    engine: Engine,
    session: Session,
    tx: Transaction,
    jobs: Sequence[Job],
    *,
    blocking: bool,
    savepoints: bool,
) -> list[Any]:
    locked = tx.prefetch({job.lock_key for job in jobs if job.lock_key is not None}, blocking=blocking)
    # Before any work, and in an order that all writers share, so that no two wait for each other.
    tx.lock_conversations({sid for job in jobs for sid in job.conversations})
    outcomes: list[Any] = []
    for job in jobs:
        if job.lock_key in locked:
            outcomes.append(DEFERRED)
        elif savepoints:
            outcomes.append(in_savepoint(engine, session, tx, job.work))
        else:
            outcomes.append(without_savepoint(engine, tx, job.work))
    return outcomes


def without_savepoint(engine: Engine, tx: Transaction, work: Work) -> Any:
    writes = tx.writes
    try:
        return work(tx)
    except engine.faults:
        raise
    except Exception as error:
        if tx.writes != writes:
            raise FailedAfterWrites from error
        return Failure(error)


def in_savepoint(engine: Engine, session: Session, tx: Transaction, work: Work) -> Any:
    try:
        return attempt(engine, session, tx, work)
    except engine.collisions:
        pass
    try:
        # The second try sees the row that another transaction has just committed.
        return attempt(engine, session, tx, work)
    except engine.collisions as error:
        return Failure(engine.redacted(error))


def attempt(engine: Engine, session: Session, tx: Transaction, work: Work) -> Any:
    session.execute("SAVEPOINT work")
    try:
        result = work(tx)
        tx.flush()
    except engine.conflicts:
        raise
    except Exception as error:
        if engine.as_unavailable(error) is not None:
            raise
        tx.discard()
        session.execute("ROLLBACK TO work")
        session.execute("RELEASE work")
        if isinstance(error, engine.collisions):
            raise
        return Failure(engine.redacted(error))
    session.execute("RELEASE work")
    return result
