"""The writer: a thread that commits all the work that waits for it together."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from parlour import errors
from parlour.store.engine import Engine, Session, Unavailable
from parlour.store.transaction import About, Transaction

MAX_TOGETHER = 256
MAX_WAITING = 10_000
# How often the same is tried when others are in its way.
MAX_CONFLICTS = 5
# How often work is left for the next batch, since others hold what it is about, before one waits for them.
MAX_LEFT = 3

Work = Callable[[Transaction], Any]


class Spoiled(Exception):
    """Work failed after it had written, so what it wrote with others has to be undone."""


class Failure:
    """What a piece of work raised, carried to whoever waits for it."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Task(NamedTuple):
    """A piece of work, what it is about, and the SIDs of the conversations that it will lock."""

    work: Work
    about: About | None = None
    conversations: tuple[str, ...] = ()


class Job(NamedTuple):
    """A task, who waits for it, and how often it was left."""

    task: Task
    future: "asyncio.Future[Any]"
    times_left: int = 0

    @property
    def place(self) -> str:
        return "" if self.task.about is None else self.task.about.sid


class Left:
    """The outcome of a task that is to be done later."""


LEFT = Left()


class Writer:
    """Drains a queue of work; each commit is on the disk before anyone hears of it.

    One that has a `patient` colleague waits for nobody who holds what its work is about: it leaves
    that for its next batch, and in the end to the colleague.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], int],
        new_sid: Callable[[str], str],
        patient: "Writer | None" = None,
    ) -> None:
        self._engine, self._session, self._patient = engine, engine.open(), patient
        self._clock, self._new_sid = clock, new_sid
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    async def write(self, task: Task) -> Any:
        """The result of the task's work once it is on the disk; raises what it raised."""
        if self._queue.qsize() >= MAX_WAITING or not self._thread.is_alive():
            raise errors.SERVICE_UNAVAILABLE()
        future = asyncio.get_running_loop().create_future()
        self.take(Job(task, future))
        return await future

    def take(self, job: Job) -> None:
        """Do it with the next batch, however many wait: whoever accepted it may have left it."""
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
            last = take_waiting(self._queue, jobs, MAX_TOGETHER) or last
            jobs = self._do(jobs)

    def _do(self, jobs: list[Job]) -> list[Job]:
        """Commit what can be committed now, and answer; the jobs that were left."""
        if self._engine.shared:
            # In an order that all writers share, so that none waits for one that waits for it.
            jobs.sort(key=attrgetter("place"))
        outcomes = self._commit([job.task for job in jobs])
        if self._patient is None:
            answer(jobs, outcomes)
            return []
        left = [job for job, outcome in zip(jobs, outcomes, strict=True) if outcome is LEFT]
        done = [job for job, outcome in zip(jobs, outcomes, strict=True) if outcome is not LEFT]
        answer(done, [outcome for outcome in outcomes if outcome is not LEFT])
        return self._leave(left, self._patient, most=MAX_LEFT if done else 0)

    def _leave(self, jobs: list[Job], patient: "Writer", most: int) -> list[Job]:
        """Those that were left less than `most` times; the patient one does the others."""
        for job in jobs:
            if job.times_left >= most:
                patient.take(job)
        return [job._replace(times_left=job.times_left + 1) for job in jobs if job.times_left < most]

    def _commit(self, tasks: list[Task]) -> list[Any]:
        try:
            return commit_together(
                self._engine,
                self._session,
                tasks,
                self._clock(),
                self._new_sid,
                waits=self._patient is None,
            )
        except Unavailable as error:
            self._engine.health.failed("writes", error)
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
    """Hand each job's caller its outcome, with one wake-up of each event loop that waits."""
    answers: dict[Any, list[tuple[asyncio.Future[Any], Any]]] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        answers.setdefault(job.future.get_loop(), []).append((job.future, outcome))
    for loop, of_loop in answers.items():
        # A loop that is closed has nobody left who waits.
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
    tasks: Sequence[Task],
    now: int,
    new_sid: Callable[[str], str],
    *,
    waits: bool = True,
) -> list[Any]:
    """The result or Failure of each task, all of them committed at once; or raises Unavailable.

    Where nobody `waits`, the outcome is LEFT if others hold what a task is about.

    Work that fails has nearly always written nothing yet, so the first try spends no savepoints.
    Where one fails after a write, or the storage refuses what was held back, all is rolled back and
    done again with a savepoint each: one failure harms no other.
    """
    for tries in range(MAX_CONFLICTS):
        try:
            session.begin()
            tx = Transaction(session, now, new_sid, locks=engine.shared, combines=engine.combines)
            outcomes = perform(engine, session, tx, tasks, waits=waits, savepoints=tries > 0)
            tx.commit()
        except engine.conflicts:
            session.roll_back()
        except Exception as error:
            session.roll_back()
            if (unavailable := engine.as_unavailable(error)) is not None:
                raise unavailable from None
            # The second try finds out whose it is.
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
    engine: Engine, session: Session, tx: Transaction, tasks: Sequence[Task], *, waits: bool, savepoints: bool
) -> list[Any]:
    held = tx.foresee({task.about for task in tasks if task.about is not None}, waits=waits)
    # Before any work, and in an order that all writers share: two of them never wait for each other.
    tx.hold_conversations({sid for task in tasks for sid in task.conversations})
    outcomes: list[Any] = []
    for task in tasks:
        if task.about in held:
            outcomes.append(LEFT)
        elif savepoints:
            outcomes.append(in_savepoint(engine, session, tx, task.work))
        else:
            outcomes.append(plainly(engine, tx, task.work))
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
        return Failure(engine.told(error))
    session.execute("RELEASE work")
    return result
