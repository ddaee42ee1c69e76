"""PostgreSQL: for many processes on many machines; rows are locked when they are found."""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors as problems
from psycopg.pq import TransactionStatus

from parlour.store.distribution import CLUSTERED, distribute, is_distributed
from parlour.store.engine import MAX_TOGETHER, Errors, Reader
from parlour.store.health import StorageHealth
from parlour.store.libpq_pipeline import COMMIT, LibpqPipeline, Rows, Statement
from parlour.store.readers import ThreadedReader
from parlour.store.session import Cursor, Session
from parlour.store.storage_errors import BackupRefused, StorageFault, Unavailable

READERS = 4
CONNECT_SECONDS = 2
STATEMENT_SECONDS = 5
ROWS_STREAMED = 2_000
# The key of the advisory lock for migrations: any number that no other program uses.
MIGRATION_LOCK = 7_208_341_157

# READ COMMITTED: each statement sees earlier commits, so rows that matter are locked when they are found.
BEGIN, ROLLBACK = b"BEGIN", b"ROLLBACK"
BEGIN_SNAPSHOT = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# The second setting matters on a cluster only: a cascade changes one shard after the other.
SETTINGS = f"""SELECT set_config('statement_timeout', '{STATEMENT_SECONDS}s', true),
set_config('citus.multi_shard_modify_mode', 'sequential', true)""".encode()
LOCK_ALONE = b"SELECT pg_advisory_xact_lock(%d)" % MIGRATION_LOCK
BEGUN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
KEEP_ALIVE: Any = {"keepalives_idle": 5, "keepalives_interval": 2, "tcp_user_timeout": 10_000}
NOTHING = Rows()
HAS_SCHEMA = "SELECT to_regclass('migrations')::text"

# Errors that are not the fault of a caller. A server is read-only while it is a standby.
UNAVAILABLE: Errors = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    problems.ReadOnlySqlTransaction,
    problems.InsufficientPrivilege,
)
UNREADABLE = (
    "must be postgresql://user:password@host:port/name; in it, write @, /, ?, # and % of a user or a"
    " password as %40, %2F, %3F, %23 and %25"
)
DAMAGE: Errors = (problems.DataCorrupted, problems.IndexCorrupted)


class PostgreSQL:
    """The engine for many processes; `url` is a connection URI of libpq."""

    shared = True
    jobs_at_once = MAX_TOGETHER
    faults: Errors = (psycopg.Error,)
    conflicts: Errors = (problems.DeadlockDetected, problems.SerializationFailure)
    collisions: Errors = (problems.UniqueViolation,)

    def __init__(self, url: str) -> None:
        self.url = url
        self.health = StorageHealth()

    @functools.cached_property
    def combines(self) -> bool:
        """False on a cluster, where the rows of one statement may be on several servers."""
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

    def exists(self) -> bool:
        session = self.open(read_only=True)
        try:
            session.begin()
            return bool(session.execute(HAS_SCHEMA).fetchone()[0])
        except psycopg.Error as error:
            raise self.as_unavailable(error) or self.redacted(error) from None
        finally:
            session.roll_back()
            session.close()

    def ensure_whole(self) -> None:
        """Do nothing: the server checks its files."""

    def as_unavailable(self, error: Exception) -> Unavailable | None:
        if isinstance(error, Unavailable):
            return error
        if not isinstance(error, (*UNAVAILABLE, *DAMAGE)):
            return None
        if isinstance(error, problems.ReadOnlySqlTransaction):
            # The same cause for all statements.
            return Unavailable("the server is read-only")
        # The lines after the first may quote rows.
        return Unavailable(str(error).partition("\n")[0], damaged=isinstance(error, DAMAGE))

    def redacted(self, error: Exception) -> Exception:
        # Its errors quote rows.
        if not isinstance(error, psycopg.Error):
            return error
        named = error.diag.constraint_name or error.diag.column_name or ""
        return StorageFault(f"{type(error).__name__} {error.sqlstate} {named}".strip())

    def finish_migrating(self, session: Session) -> None:
        """Distribute new tables if the others are distributed over a cluster."""
        if is_distributed(session):
            distribute(session)

    def open(self, *, read_only: bool = False) -> Session:
        return PostgreSQLSession(self.url, BEGIN_SNAPSHOT if read_only else BEGIN, SETTINGS)

    def open_snapshot(self) -> Session:
        return PostgreSQLSession(self.url, BEGIN_SNAPSHOT)

    def open_reader(self, clock: Callable[[], int], new_sid: Callable[[str], str]) -> Reader:
        return ThreadedReader(self, READERS, clock, new_sid)

    def back_up(self, path: Path) -> None:  # noqa: ARG002 - it is for the other engine
        raise BackupRefused("a PostgreSQL database is backed up with pg_dump, or with the server's archive")

    def truncate_log(self) -> bool:
        """Do nothing: the server's vacuum and its archive remove deleted rows."""
        return True


class PostgreSQLSession:
    """Connects with its first statement, and anew if the connection was lost between transactions."""

    def __init__(self, url: str, *opening: bytes) -> None:
        self._url = url
        self._begin: list[Statement] = [(sql, ()) for sql in opening]
        self._pipeline: LibpqPipeline | None = None
        self._is_read_only = False
        # Statements that precede the next one, and those that are gathered within `pipelined`.
        self._opening: list[Statement] = []
        self._gathered: list[Statement] | None = None

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor:
        statement = (translated(sql), parameters)
        if self._gathered is not None:
            self._gathered.append(statement)
            return NOTHING
        return self._send([statement])[-1]

    def begin(self) -> None:
        self._opening = self._begin

    def begin_alone(self) -> None:
        self._opening = [(BEGIN, ()), (LOCK_ALONE, ())]
        self._send([])

    def commit(self) -> None:
        if self._gathered is not None:
            self._gathered.append((COMMIT, ()))
        elif self._opening:
            self._opening = []
        else:
            self._send([(COMMIT, ())])

    def roll_back(self) -> None:
        self._opening = []
        if self._is_read_only:
            # The next transaction may find another server, or this one changed.
            self.close()
        if self._pipeline is not None and self._status != TransactionStatus.IDLE:
            try:
                self._pipeline.send([(ROLLBACK, ())])
            except psycopg.Error:
                self.close()

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        self._send([])
        with self._connected().connection.cursor("stream") as cursor:
            cursor.itersize = ROWS_STREAMED
            yield from cursor.execute(sql.encode())

    @contextlib.contextmanager
    def pipelined(self) -> Iterator[None]:
        gathered: list[Statement] = []
        self._gathered = gathered
        try:
            yield
        finally:
            self._gathered = None
        if self._opening:
            # Alone, because the opening is repeated if the connection was lost, and a COMMIT must not be.
            self._send([])
        if gathered:
            self._send(gathered)

    def close(self) -> None:
        if self._pipeline is not None:
            with contextlib.suppress(psycopg.Error):
                self._pipeline.connection.close()
        self._pipeline, self._is_read_only = None, False

    @property
    def _status(self) -> TransactionStatus:
        return self._connected().connection.info.transaction_status

    def _send(self, statements: list[Statement]) -> list[Rows]:
        opening, self._opening = self._opening, []
        if not opening and not statements:
            return []
        had_one = self._pipeline is not None
        try:
            return self._connected().send(opening + statements)
        except problems.ReadOnlySqlTransaction:
            self._is_read_only = True
            raise
        except psycopg.OperationalError:
            if not (opening and had_one) or self._status in BEGUN:
                raise
            # The connection was lost before this transaction, so nothing of it is lost.
            self.close()
            return self._connected().send(opening + statements)

    def _connected(self) -> LibpqPipeline:
        if self._pipeline is None:
            connection = connect(self._url)
            self._pipeline = LibpqPipeline(connection)
        return self._pipeline


def connect(url: str) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS, **KEEP_ALIVE)
    except psycopg.ProgrammingError as error:
        # The URL has an option with an invalid value.
        raise psycopg.OperationalError(str(error)) from None


def ensure_url(url: str) -> None:
    """Raise ValueError if a URL is not valid. The reason quotes nothing of it.

    With an unencoded `@`, `/`, `?` or `#` in a password, a part of the password would be read as a host, a
    port or a name, which errors quote.
    """
    address = url.partition("://")[2].partition("?")[0]
    hosts = re.sub(r"\[[^]]*\]", "", address.partition("/")[0].rpartition("@")[2]).split(",")
    ports = [host.partition(":")[2] for host in hosts]
    if address.count("@") > 1 or "@" in address.partition("/")[2] or "#" in address:
        raise ValueError(UNREADABLE)
    if not all(port.isdecimal() or not port for port in ports):
        raise ValueError(UNREADABLE)
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ValueError(UNREADABLE) from None


@functools.lru_cache(maxsize=1_024)
def translated(sql: str) -> bytes:
    """Return the statement with `$1`, `$2`, … for parameters instead of `?`."""
    first, *others = sql.split("?")
    return "".join([first, *(f"${number}{text}" for number, text in enumerate(others, 1))]).encode()
