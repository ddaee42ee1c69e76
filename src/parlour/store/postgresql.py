"""PostgreSQL: many processes on many machines, rows locked when they are found."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors as problems
from psycopg.pq import TransactionStatus

from parlour.store.distribution import CLUSTERED, distribute, is_distributed
from parlour.store.engine import BackupRefused, Cursor, Errors, Reader, Session, StorageFault
from parlour.store.flights import COMMIT, Flights, Rows, Statement
from parlour.store.readers import ThreadedReader

READERS = 4
CONNECT_SECONDS = 2
STATEMENT_SECONDS = 5
ROWS_STREAMED = 2_000
# Of the lock that migrations are applied under; any number that nobody else uses.
MIGRATION_LOCK = 7_208_341_157

# Each statement sees what was committed before it: what matters is locked when it is found.
BEGIN, ROLLBACK = b"BEGIN", b"ROLLBACK"
BEGIN_SNAPSHOT = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
# Of the second setting only a cluster knows: there a cascade goes to one shard after the other.
SETTINGS = f"""SELECT set_config('statement_timeout', '{STATEMENT_SECONDS}s', true),
set_config('citus.multi_shard_modify_mode', 'sequential', true)""".encode()
LOCK_ALONE = b"SELECT pg_advisory_xact_lock(%d)" % MIGRATION_LOCK
BEGUN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
KEEP_ALIVE: Any = {"keepalives_idle": 5, "keepalives_interval": 2, "tcp_user_timeout": 10_000}
NOTHING = Rows()


class PostgreSQL:
    """The engine for many processes; `url` is what the client library takes."""

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

    def finish_migrating(self, session: Session) -> None:
        """Where tables are spread over a cluster, spread those that are new."""
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
        """Its vacuum and its archive remove what was deleted; both are the server's business."""
        return True


class PostgreSQLSession:
    """Connects when something is sent first, and anew when the connection was lost between transactions."""

    def __init__(self, url: str, *opening: bytes) -> None:
        self._url = url
        self._begin: list[Statement] = [(sql, ()) for sql in opening]
        self._flights: Flights | None = None
        # What goes before the next statement, and what waits to go with others.
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
        if self._flights is not None and self._status != TransactionStatus.IDLE:
            try:
                self._flights.send([(ROLLBACK, ())])
            except psycopg.Error:
                self.close()

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        self._send([])
        with self._connected().connection.cursor("stream") as cursor:
            cursor.itersize = ROWS_STREAMED
            yield from cursor.execute(sql.encode())

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        gathered: list[Statement] = []
        self._gathered = gathered
        try:
            yield
        finally:
            self._gathered = None
        if self._opening:
            # Nothing that commits is ever sent twice, as that is which finds the connection lost.
            self._send([])
        if gathered:
            self._send(gathered)

    def close(self) -> None:
        if self._flights is not None:
            with contextlib.suppress(psycopg.Error):
                self._flights.connection.close()
        self._flights = None

    @property
    def _status(self) -> TransactionStatus:
        return self._connected().connection.info.transaction_status

    def _send(self, statements: list[Statement]) -> list[Rows]:
        opening, self._opening = self._opening, []
        if not opening and not statements:
            return []
        had_one = self._flights is not None
        try:
            return self._connected().send(opening + statements)
        except psycopg.OperationalError:
            if not (opening and had_one) or self._status in BEGUN:
                raise
            # What was lost since the last transaction costs nobody anything.
            self.close()
            return self._connected().send(opening + statements)

    def _connected(self) -> Flights:
        if self._flights is None:
            connection = psycopg.connect(
                self._url, autocommit=True, connect_timeout=CONNECT_SECONDS, **KEEP_ALIVE
            )
            self._flights = Flights(connection)
        return self._flights


@functools.lru_cache(maxsize=1_024)
def translated(sql: str) -> bytes:
    """The statement with PostgreSQL's own places for parameters."""
    first, *others = sql.split("?")
    return "".join([first, *(f"${number}{text}" for number, text in enumerate(others, 1))]).encode()
