"""PostgreSQL: many processes on many machines, two writers each, rows locked when they are found."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors as problems
from psycopg.pq import TransactionStatus

from parlour.store.distribution import CLUSTERED
from parlour.store.engine import BackupRefused, Cursor, Errors, Reader, Session, StorageFault
from parlour.store.readers import ThreadedReader

# More would make smaller batches, and wait for each other to run Python; one would let whoever holds a
# conversation hold up all that is written.
WRITERS = 2
READERS = 4
CONNECT_SECONDS = 2
STATEMENT_SECONDS = 5
STATEMENTS_KEPT = 500
ROWS_STREAMED = 2_000
# Of the lock that migrations are applied under; any number that nobody else uses.
MIGRATION_LOCK = 7_208_341_157

# Each statement sees what was committed before it: what matters is locked when it is found.
BEGIN_WRITE = f"BEGIN; SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"
BEGIN_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
BEGIN_READ = f"{BEGIN_SNAPSHOT}; SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"
KEEP_ALIVE: Any = {"keepalives_idle": 5, "keepalives_interval": 2, "tcp_user_timeout": 10_000}


class PostgreSQL:
    """The engine for many processes; `url` is what the client library takes."""

    writers = WRITERS
    shared = True
    faults: Errors = (psycopg.Error,)
    unavailable: Errors = (psycopg.OperationalError, psycopg.InterfaceError)
    conflicts: Errors = (problems.DeadlockDetected, problems.SerializationFailure)
    collisions: Errors = (problems.UniqueViolation,)

    def __init__(self, url: str) -> None:
        self.url = url

    @functools.cached_property
    def combines(self) -> bool:
        """Not on a cluster: the rows may be on several servers, each of which has to be asked."""
        session = self.open(read_only=True)
        try:
            session.begin()
            return not session.execute(CLUSTERED).fetchall()
        finally:
            session.roll_back()
            session.close()

    @property
    def name(self) -> str:
        parts = psycopg.conninfo.conninfo_to_dict(self.url)
        return f"postgresql://{parts.get('host', 'localhost')}/{parts.get('dbname', '')}"

    def told(self, error: Exception) -> Exception:
        # Its errors quote rows.
        if not isinstance(error, psycopg.Error):
            return error
        named = error.diag.constraint_name or error.diag.column_name or ""
        return StorageFault(f"{type(error).__name__} {error.sqlstate} {named}".strip())

    def open(self, *, read_only: bool = False) -> Session:
        return PostgreSQLSession(self.url, BEGIN_READ if read_only else BEGIN_WRITE)

    def open_snapshot(self) -> Session:
        return PostgreSQLSession(self.url, BEGIN_SNAPSHOT)

    def open_reader(self, clock: Callable[[], int], new_sid: Callable[[str], str]) -> Reader:
        return ThreadedReader(self, READERS, clock, new_sid)

    def back_up(self, path: Path) -> None:  # noqa: ARG002 - it is for the other engine
        raise BackupRefused("a PostgreSQL database is backed up with pg_dump, or with the server's archive")

    def truncate_log(self) -> bool:
        """Its vacuum and its archive remove what was deleted; both are the server's business."""
        return True


class PostgreSQLSession:
    """Connects when it begins, and anew when the connection was lost since."""

    def __init__(self, url: str, begin: str) -> None:
        self._url, self._begin = url, begin
        self._connection: psycopg.Connection[Any] | None = None

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        return self._connected().execute(translated(sql), parameters)

    def begin(self) -> None:
        self._begin_with(self._begin)

    def begin_alone(self) -> None:
        self._begin_with(f"BEGIN; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")

    def _begin_with(self, statements: str) -> None:
        had_one = self._connection is not None
        try:
            self._connected().execute(statements.encode(), prepare=False)
        except psycopg.OperationalError:
            self.close()
            if not had_one:
                raise
            # What was lost since the last transaction costs nobody anything.
            self._connected().execute(statements.encode(), prepare=False)

    def commit(self) -> None:
        self._connected().execute(b"COMMIT", prepare=False)

    def roll_back(self) -> None:
        connection = self._connection
        if connection is not None and connection.info.transaction_status != TransactionStatus.IDLE:
            try:
                connection.execute(b"ROLLBACK", prepare=False)
            except psycopg.Error:
                self.close()

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        with self._connected().cursor("stream") as cursor:
            cursor.itersize = ROWS_STREAMED
            yield from cursor.execute(translated(sql), ())

    def together(self) -> contextlib.AbstractContextManager[Any]:
        return self._connected().pipeline()

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._url,
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                cursor_factory=QuietCursor,
                **KEEP_ALIVE,
            )
            self._connection.prepare_threshold = 1
            self._connection.prepared_max = STATEMENTS_KEPT
        return self._connection


class QuietCursor(psycopg.Cursor[Any]):
    """Gives no rows for a statement that has none to give, as sqlite3 does."""

    def fetchall(self) -> list[Any]:
        return [] if self.description is None else super().fetchall()


@functools.lru_cache(maxsize=1_024)
def translated(sql: str) -> bytes:
    """The statement with the library's own places for parameters."""
    return sql.replace("%", "%%").replace("?", "%s").encode()
