"""SQLite: one file, one writer at a time, and readers that never wait for it."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from parlour import errors
from parlour.store.engine import MAX_TOGETHER, Errors, Reader
from parlour.store.health import StorageHealth
from parlour.store.session import Cursor, Session
from parlour.store.sqlite_damage import ensure_pages_whole, ensure_whole, is_damage
from parlour.store.storage_errors import BackupRefused, Unavailable
from parlour.store.transaction import Transaction

T = TypeVar("T")

PRIVATE = 0o600
BUSY_SECONDS = 5.0
# SQLite itself tries the lock again after up to 100 ms, while a write takes a few: a server with a busy
# worker would sleep most of the time in which the lock is free.
LOCK_PAUSE_SECONDS = 0.001
LOCK_TRIES = round(BUSY_SECONDS / LOCK_PAUSE_SECONDS)
# An engine that yields waits between its transactions as long as it held the lock, within these bounds: long
# enough for several tries of others, and shorter than a request would notice.
MIN_YIELD_SECONDS, MAX_YIELD_SECONDS = 0.005, 0.05
# And it commits few jobs at once, so that it holds the lock for some milliseconds only.
JOBS_OF_A_YIELDING_WRITER = 16
# A write transaction takes the lock when it begins, so it cannot fail to get it after it has read.
READ, WRITE = "BEGIN", "BEGIN IMMEDIATE"
# The log is truncated within about a second; each try delays writers for at most this long.
TRUNCATE_MILLISECONDS = 50
TRUNCATE_TRIES = 10
TRUNCATE_PAUSE_SECONDS = 0.05
CACHE_KIBIBYTES = 8_192
STATEMENTS_KEPT = 512
HAS_SCHEMA = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'migrations'"

# FULL: a commit is on the disk before it returns. Deleted content is overwritten with zeros.
PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
    f"cache_size = -{CACHE_KIBIBYTES}",
)


class SQLite:
    """The embedded engine; `path` is the database file.

    With `yields`, writers pause after each transaction, so that those of other processes get the lock.
    """

    shared = False
    # A statement here costs less than combining several into one.
    combines = False
    faults: Errors = (sqlite3.Error,)
    conflicts: Errors = ()
    collisions: Errors = ()

    def __init__(self, path: Path, *, yields: bool = False) -> None:
        self.path, self._yields = path, yields
        self.jobs_at_once = JOBS_OF_A_YIELDING_WRITER if yields else MAX_TOGETHER
        self.health = StorageHealth()

    @property
    def name(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        if not self.path.is_file():
            return False
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS)
        try:
            return bool(connection.execute(HAS_SCHEMA).fetchall())
        except sqlite3.DatabaseError as error:
            raise self.as_unavailable(error) or error from None
        finally:
            connection.close()

    def ensure_whole(self) -> None:
        ensure_whole(self.path)

    def as_unavailable(self, error: Exception) -> Unavailable | None:
        if isinstance(error, Unavailable):
            return error
        if not isinstance(error, sqlite3.OperationalError) and not is_damage(error):
            return None
        return Unavailable(str(error), damaged=is_damage(error))

    def redacted(self, error: Exception) -> Exception:
        # SQLite's errors name columns, but hold no values.
        return error

    def finish_migrating(self, session: Session) -> None:
        """Do nothing: one file holds all tables."""

    def open(self, *, read_only: bool = False) -> Session:
        try:
            connection = self.connect(read_only=read_only)
            return SQLiteSession(connection, READ if read_only else WRITE, yields=self._yields)
        except sqlite3.DatabaseError as error:
            raise self.as_unavailable(error) or error from None

    def open_snapshot(self) -> Session:
        return self.open(read_only=True)

    def open_reader(self, clock: Callable[[], int], new_sid: Callable[[str], str]) -> Reader:
        return LoopReader(self, clock, new_sid)

    def back_up(self, path: Path) -> None:
        """Copy one snapshot in one step. Meanwhile writers write to the write-ahead log."""
        if not self.path.exists():
            raise BackupRefused(f"there is no database {self.path}")
        try:
            with (
                contextlib.closing(self.connect(read_only=True)) as source,
                contextlib.closing(sqlite3.connect(path)) as copy,
            ):
                source.backup(copy)
                # The copy is one file, without a write-ahead log.
                copy.execute("PRAGMA journal_mode = DELETE")
                ensure_pages_whole(copy, self.path)
        except sqlite3.DatabaseError as error:
            raise self.as_unavailable(error) or error from None

    def truncate_log(self) -> bool:
        """Truncate the write-ahead log, which still holds deleted rows. Returns False if it is being read."""
        session, pause = self.open(), threading.Event()
        try:
            session.execute(f"PRAGMA busy_timeout = {TRUNCATE_MILLISECONDS}")
            for _ in range(TRUNCATE_TRIES):
                if truncated(session):
                    return True
                pause.wait(TRUNCATE_PAUSE_SECONDS)
        except sqlite3.DatabaseError as error:
            raise self.as_unavailable(error) or error from None
        finally:
            session.close()
        return False

    def connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        make_private(self.path)
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_KEPT,
        )
        try:
            for pragma in (*PRAGMAS, f"query_only = {'ON' if read_only else 'OFF'}"):
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection


def truncated(session: Session) -> bool:
    """Try to truncate the log and return whether that was done. While it waits for readers, writers wait."""
    _, frames, copied = session.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if copied < frames:
        # An export or a backup reads an older snapshot. It may take long, and writers must not wait for it.
        return False
    busy: int = session.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not busy


def make_private(path: Path) -> None:
    """Make a new database file readable by its owner only; SQLite gives its -wal and -shm the same mode."""
    with contextlib.suppress(OSError):
        path.touch(PRIVATE, exist_ok=False)


class SQLiteSession:
    def __init__(self, connection: sqlite3.Connection, begin: str, *, yields: bool = False) -> None:
        self._connection, self._begin, self._yields = connection, begin, yields
        self._pause = threading.Event()
        # Since when the lock is held, and until when it is left to others; in seconds.
        self._began = self._left_until = 0.0
        # The connection's own, not a method around it: it is called for every statement.
        self.execute: Callable[..., Cursor] = connection.execute

    def begin(self) -> None:
        if self._begin == READ:
            self.execute(READ)
        else:
            self._begin_to_write()

    begin_alone = begin

    def _begin_to_write(self) -> None:
        """Take the write lock as soon as it is free. Raises sqlite3.OperationalError after BUSY_SECONDS."""
        if self._yields and (left := self._left_until - time.monotonic()) > 0:
            self._pause.wait(left)
        self.execute("PRAGMA busy_timeout = 0")
        try:
            for _ in range(LOCK_TRIES):
                if self._writes_now():
                    return
                self._pause.wait(LOCK_PAUSE_SECONDS)
            self.execute(WRITE)
        finally:
            self.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1_000)}")
            self._began = time.monotonic()

    def _writes_now(self) -> bool:
        try:
            self.execute(WRITE)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        return self._connection.execute(sql)

    def commit(self) -> None:
        self.execute("COMMIT")
        now = time.monotonic()
        self._left_until = now + min(max(now - self._began, MIN_YIELD_SECONDS), MAX_YIELD_SECONDS)

    def roll_back(self) -> None:
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self.execute("ROLLBACK")

    def pipelined(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def close(self) -> None:
        self._connection.close()


class LoopReader:
    """Reads on the event loop's thread, because a read takes less time than the change to another thread.

    All reads in one turn of the event loop share one snapshot and the rows that they found. The snapshot is
    younger than every request that the turn began with.
    """

    def __init__(self, engine: SQLite, clock: Callable[[], int], new_sid: Callable[[str], str]) -> None:
        self._engine, self._session = engine, engine.open(read_only=True)
        self._clock, self._new_sid = clock, new_sid
        self._turn: Transaction | None = None

    async def read(self, work: Callable[[Transaction], T]) -> T:
        try:
            if self._turn is None:
                self._session.begin()
                self._turn = Transaction(self._session, self._clock(), self._new_sid)
                asyncio.get_running_loop().call_soon(self._end_turn)
            result = work(self._turn)
        except sqlite3.DatabaseError as error:
            if (unavailable := self._engine.as_unavailable(error)) is None:
                raise
            self._engine.health.failed("reads", unavailable)
            raise errors.SERVICE_UNAVAILABLE() from None
        self._engine.health.worked("reads")
        return result

    def _end_turn(self) -> None:
        self._turn = None
        self._session.roll_back()

    def close(self) -> None:
        self._session.close()
