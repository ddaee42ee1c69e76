"""SQLite: one file, one writer, readers that never wait for it."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from parlour import errors
from parlour.store.engine import Errors, Reader
from parlour.store.health import StorageHealth
from parlour.store.session import Cursor, Session
from parlour.store.sqlite_damage import ensure_pages_whole, ensure_whole, is_damage
from parlour.store.storage_errors import BackupRefused, Unavailable
from parlour.store.transaction import Transaction

T = TypeVar("T")

PRIVATE = 0o600
BUSY_SECONDS = 5.0
# SQLite itself looks again after up to 100 ms whether another process has finished its write, which takes
# a few: a server beside a busy worker would sleep through most of the time in which nobody writes.
LOCK_PAUSE_SECONDS = 0.001
LOCK_TRIES = round(BUSY_SECONDS / LOCK_PAUSE_SECONDS)
# One that yields leaves the lock alone between its transactions for as long as it held it, within these
# bounds: several looks of others, and less than a request may notice.
MIN_YIELD_SECONDS, MAX_YIELD_SECONDS = 0.005, 0.05
# Whoever writes has the lock from the start: nobody who has read meets it when it comes to writing.
READ, WRITE = "BEGIN", "BEGIN IMMEDIATE"
# Emptying the log is tried for about a second; each try holds writers up for at most this long.
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

    Writers of an engine that `yields` let those of other processes go first.
    """

    shared = False
    # A statement costs less here than what it takes to put several into one.
    combines = False
    faults: Errors = (sqlite3.Error,)
    conflicts: Errors = ()
    collisions: Errors = ()

    def __init__(self, path: Path, *, yields: bool = False) -> None:
        self.path, self._yields = path, yields
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
        # Its errors name columns, and never what is in them.
        return error

    def finish_migrating(self, session: Session) -> None:
        """Nothing: one file holds all tables."""

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
        """One step copies one snapshot; writers go on meanwhile, into the write-ahead log."""
        if not self.path.exists():
            raise BackupRefused(f"there is no database {self.path}")
        try:
            with (
                contextlib.closing(self.connect(read_only=True)) as source,
                contextlib.closing(sqlite3.connect(path)) as copy,
            ):
                source.backup(copy)
                # One file, without a log beside it.
                copy.execute("PRAGMA journal_mode = DELETE")
                ensure_pages_whole(copy, self.path)
        except sqlite3.DatabaseError as error:
            raise self.as_unavailable(error) or error from None

    def truncate_log(self) -> bool:
        """Empty the write-ahead log, which still holds what was deleted; False if somebody reads from it."""
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
    """Whether the log could be emptied now. While it waits for readers, all writers wait for it."""
    _, frames, copied = session.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if copied < frames:
        # An export or a backup reads an older state: it may take long, and nobody is to wait for its end.
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
        """Take the lock as soon as nobody else has it; raises that it is locked after BUSY_SECONDS."""
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
    """Reads on the event loop's own thread: handing a read to another costs more than it does.

    All that is read in one turn of the event loop sees one snapshot and shares what was found: the
    snapshot is younger than each request that the turn began with.
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
