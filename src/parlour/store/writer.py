"""The writer: a thread that commits all the work that waits for it together."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import structlog

from parlour import errors
from parlour.store.engine import Engine, Session, Unavailable
from parlour.store.transaction import About, Transaction

MAX_TOGETHER = 256
MAX_WAITING = 10_000
# How often the same is tried when others are in its way.
MAX_CONFLICTS = 5

Work = Callable[[Transaction], Any]
Job = tuple[Work, "asyncio.Future[Any]", About | None]

log = structlog.get_logger()


class Spoiled(Exception):
    """Work failed after it had written, so what it wrote with others has to be undone."""


class Failure:
    """What a piece of work raised, carried to whoever waits for it."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Writer:
    """Drains a queue of work; each commit is on the disk before anyone hears of it."""

    def __init__(self, engine: Engine, clock: Callable[[], int], new_sid: Callable[[str], str]) -> None:
        self._engine, self._session = engine, engine.open()
        self._clock, self._new_sid = clock, new_sid
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    async def write(self, work: Work, about: About | None) -> Any:
        """The result of `work` once it is on the disk; raises what it raised."""
        if self._queue.qsize() >= MAX_WAITING or not self._thread.is_alive():
            raise errors.SERVICE_UNAVAILABLE()
        future = asyncio.get_running_loop().create_future()
        self._queue.put((work, future, about))
        return await future

    def close(self) -> None:
        """Finish all that is waiting, then stop."""
        self._queue.put(None)
        self._thread.join()
        self._session.close()

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            jobs, last = take_waiting(self._queue, job, MAX_TOGETHER)
            if self._engine.shared:
                # In an order that all writers share, so that none waits for one that waits for it.
                jobs.sort(key=place_of)
            answer(jobs, self._commit([work for work, *_ in jobs], {about for *_, about in jobs if about}))
            if last:
                return

    def _commit(self, works: list[Work], abouts: Collection[About]) -> list[Any]:
        try:
            return commit_together(
                self._engine, self._session, works, self._clock(), self._new_sid, abouts=abouts
            )
        except Unavailable as error:
            log.error("storage_unavailable", error=str(error))  # noqa: TRY400 - the trace tells nothing more
            return [Failure(errors.SERVICE_UNAVAILABLE())] * len(works)
        except Exception as error:  # noqa: BLE001 - whatever it is, the writer goes on and the caller hears of it
            return [Failure(self._engine.told(error))] * len(works)


def place_of(job: Job) -> str:
    about = job[2]
    return "" if about is None else about.sid


def take_waiting(waiting: "queue.SimpleQueue[Any]", first: Any, most: int) -> tuple[list[Any], bool]:
    """The first job and those that wait behind it; and whether the end of all jobs was met."""
    jobs = [first]
    while len(jobs) < most and not waiting.empty():
        try:
            following = waiting.get_nowait()
        except queue.Empty:
            break
        if following is None:
            return jobs, True
        jobs.append(following)
    return jobs, False


def answer(jobs: Sequence[Any], outcomes: list[Any]) -> None:
    """Hand each job's caller its outcome, with one wake-up of the event loop."""
    answers = [(job[1], outcome) for job, outcome in zip(jobs, outcomes, strict=True)]
    # A loop that is closed has nobody left who waits.
    with contextlib.suppress(RuntimeError):
        jobs[0][1].get_loop().call_soon_threadsafe(settle, answers)


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
    works: list[Work],
    now: int,
    new_sid: Callable[[str], str],
    *,
    abouts: Collection[About] = (),
) -> list[Any]:
    """The result or Failure of each piece of work, all of them committed at once; or raises Unavailable.

    Work that fails has nearly always written nothing yet, so the first try spends no savepoints.
    Where one fails after a write, or the storage refuses what was held back, all is rolled back and
    done again with a savepoint each: one failure harms no other.
    """
    for tries in range(MAX_CONFLICTS):
        try:
            session.begin()
            tx = Transaction(session, now, new_sid, locks=engine.shared, combines=engine.combines)
            outcomes = perform(engine, session, tx, works, None if tries else abouts)
        except engine.conflicts:
            session.roll_back()
        except engine.unavailable as error:
            session.roll_back()
            raise Unavailable(str(error)) from None
        except Exception:
            session.roll_back()
            # The second try finds out whose it is.
            if tries > 0:
                raise
        except BaseException:
            session.roll_back()
            raise
        else:
            return outcomes
    raise Unavailable(f"others were in the way {MAX_CONFLICTS} times")


def perform(
    engine: Engine, session: Session, tx: Transaction, works: list[Work], abouts: Collection[About] | None
) -> list[Any]:
    """Commit it all, what it is about found beforehand; or, without that, each in a savepoint."""
    if abouts is None:
        outcomes = [in_savepoint(engine, session, tx, work) for work in works]
    else:
        tx.foresee(abouts)
        outcomes = [plainly(engine, tx, work) for work in works]
    tx.commit()
    return outcomes


def plainly(engine: Engine, tx: Transaction, work: Work) -> Any:
    writes = tx.writes
    try:
        return work(tx)
    except engine.faults:
        raise
    except Exception as error:
        if tx.writes != writes:
            raise Spoiled from error
        return Failure(error)


def in_savepoint(engine: Engine, session: Session, tx: Transaction, work: Work) -> Any:
    try:
        return attempt(engine, session, tx, work)
    except engine.collisions:
        pass
    try:
        # What another has just written is seen now.
        return attempt(engine, session, tx, work)
    except engine.collisions as error:
        return Failure(engine.told(error))


def attempt(engine: Engine, session: Session, tx: Transaction, work: Work) -> Any:
    session.execute("SAVEPOINT work")
    try:
        result = work(tx)
        tx.flush()
    except (*engine.unavailable, *engine.conflicts):
        raise
    except Exception as error:
        tx.discard()
        session.execute("ROLLBACK TO work")
        session.execute("RELEASE work")
        if isinstance(error, engine.collisions):
            raise
        return Failure(engine.told(error))
    session.execute("RELEASE work")
    return result
