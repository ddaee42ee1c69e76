"""The writer: a thread that commits all the work that waits for it together."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import structlog

from parlour import errors
from parlour.store.engine import Engine, Session, Unavailable
from parlour.store.transaction import About, Transaction

MAX_TOGETHER = 256
MAX_WAITING = 10_000
# How often the same is tried when others are in its way.
MAX_CONFLICTS = 5
# How often it is left for the next batch, since others hold what it is about, before it waits for them.
MAX_LEFT = 3

Work = Callable[[Transaction], Any]

log = structlog.get_logger()


class Spoiled(Exception):
    """Work failed after it had written, so what it wrote with others has to be undone."""


class Failure:
    """What a piece of work raised, carried to whoever waits for it."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Task(NamedTuple):
    """A piece of work, what it is about, and whether it waits for others who hold that, or is left."""

    work: Work
    about: About | None = None
    waits: bool = True


class Job(NamedTuple):
    """A task, who waits for it, and how often it was left."""

    task: Task
    future: "asyncio.Future[Any]"
    times_left: int = 0

    @property
    def place(self) -> str:
        return "" if self.task.about is None else self.task.about.sid

    def again(self, *, waits: bool) -> "Job":
        times = self.times_left + 1
        return Job(self.task._replace(waits=waits or times >= MAX_LEFT), self.future, times)


class Left:
    """The outcome of a task that is to be done later."""


LEFT = Left()


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
        self._queue.put(Job(Task(work, about, waits=False), future))
        return await future

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
            last = take_waiting(self._queue, jobs, MAX_TOGETHER) or last
            jobs = self._do(jobs)

    def _do(self, jobs: list[Job]) -> list[Job]:
        """Commit what can be committed now, and answer; the jobs that were left."""
        if self._engine.shared:
            # In an order that all writers share, so that none waits for one that waits for it.
            jobs.sort(key=attrgetter("place"))
        outcomes = self._commit([job.task for job in jobs])
        left = [job for job, outcome in zip(jobs, outcomes, strict=True) if outcome is LEFT]
        if not left:
            answer(jobs, outcomes)
            return left
        done = [(job, outcome) for job, outcome in zip(jobs, outcomes, strict=True) if outcome is not LEFT]
        if done:
            answer(*map(list, zip(*done, strict=True)))
        # Who gets nothing has nothing better to do than wait.
        return [job.again(waits=not done) for job in left]

    def _commit(self, tasks: list[Task]) -> list[Any]:
        try:
            return commit_together(self._engine, self._session, tasks, self._clock(), self._new_sid)
        except Unavailable as error:
            log.error("storage_unavailable", error=str(error))  # noqa: TRY400 - the trace tells nothing more
            return [Failure(errors.SERVICE_UNAVAILABLE())] * len(tasks)
        except Exception as error:  # noqa: BLE001 - whatever it is, the writer goes on and the caller hears of it
            return [Failure(self._engine.told(error))] * len(tasks)


def take_waiting(waiting: "queue.SimpleQueue[Any]", jobs: list[Any], most: int) -> bool:
    """Add the jobs that wait; whether the end of all jobs was met."""
    while len(jobs) < most and not waiting.empty():
        try:
            following = waiting.get_nowait()
        except queue.Empty:
            break
        if following is None:
            return True
        jobs.append(following)
    return False


def answer(jobs: Sequence[Any], outcomes: list[Any]) -> None:
    """Hand each job's caller its outcome, with one wake-up of the event loop."""
    answers = [(job.future, outcome) for job, outcome in zip(jobs, outcomes, strict=True)]
    # A loop that is closed has nobody left who waits.
    with contextlib.suppress(RuntimeError):
        jobs[0].future.get_loop().call_soon_threadsafe(settle, answers)


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
    tasks: Sequence[Task],
    now: int,
    new_sid: Callable[[str], str],
) -> list[Any]:
    """The result or Failure of each task, or LEFT, all of them committed at once; or raises Unavailable.

    Work that fails has nearly always written nothing yet, so the first try spends no savepoints.
    Where one fails after a write, or the storage refuses what was held back, all is rolled back and
    done again with a savepoint each: one failure harms no other.
    """
    for tries in range(MAX_CONFLICTS):
        try:
            session.begin()
            tx = Transaction(session, now, new_sid, locks=engine.shared, combines=engine.combines)
            perform = with_savepoints if tries else with_foresight
            outcomes = perform(engine, session, tx, tasks)
            tx.commit()
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


def with_foresight(engine: Engine, _: Session, tx: Transaction, tasks: Sequence[Task]) -> list[Any]:
    abouts: dict[About, bool] = {}
    for task in tasks:
        if task.about is not None:
            abouts[task.about] = task.waits or abouts.get(task.about, False)
    held = tx.foresee(abouts)
    return [LEFT if task.about in held else plainly(engine, tx, task.work) for task in tasks]


def with_savepoints(engine: Engine, session: Session, tx: Transaction, tasks: Sequence[Task]) -> list[Any]:
    return [in_savepoint(engine, session, tx, task.work) for task in tasks]


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
