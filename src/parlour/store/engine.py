"""What storage engines have in common; what differs between them stays in each one's file."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from parlour.store.statements import quote

if TYPE_CHECKING:
    from parlour.store.health import Health
    from parlour.store.transaction import Transaction

T = TypeVar("T")
Errors = tuple[type[Exception], ...]


class BackupRefused(Exception):
    """The storage is backed up by other means."""


class StorageFault(Exception):
    """An error of the storage, by its names only."""


class Unavailable(Exception):
    """The storage does not answer, or takes nothing; `damaged` if what it holds cannot be read any more."""

    def __init__(self, cause: str, *, damaged: bool = False) -> None:
        super().__init__(cause)
        self.damaged = damaged


class Damaged(Exception):
    """The database is damaged, and a server must not be started with it."""


class Cursor(Protocol):
    @property
    def description(self) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


class Session(Protocol):
    """A connection to the storage, for one thread at a time; one that broke is made anew when it begins."""

    @property
    def execute(self) -> Callable[..., Cursor]: ...
    def begin(self) -> None: ...

    def begin_alone(self) -> None:
        """Begin a transaction that no other with this word runs beside, in whatever process."""

    def commit(self) -> None: ...

    def roll_back(self) -> None:
        """End a transaction if there is one; never raises."""

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement, of which only a few are in memory at a time."""

    def together(self) -> AbstractContextManager[Any]:
        """Within it nobody waits for what single statements say."""

    def close(self) -> None: ...


def columns_of(session: Session, table: str) -> list[str]:
    """The names of a table's columns, in their order."""
    return [column[0] for column in session.execute(f"SELECT * FROM {quote(table)} LIMIT 0").description]


class Reader(Protocol):
    async def read(self, work: "Callable[[Transaction], T]") -> T: ...
    def close(self) -> None: ...


class Engine(Protocol):
    """Where rows are kept.

    Where other processes may write too it is `shared`: what is changed is locked when it is found.
    `faults` are all errors of the storage; `conflicts` those after which the same may succeed at once,
    `collisions` those in which another was faster.
    """

    shared: bool
    faults: Errors
    conflicts: Errors
    collisions: Errors
    health: "Health"

    @property
    def combines(self) -> bool:
        """Whether many rows may be locked by one statement, and changed by one."""

    @property
    def name(self) -> str:
        """Which storage it is, without credentials."""

    def exists(self) -> bool:
        """Whether there is a database with Parlour's tables. Makes nothing; raises Unavailable."""

    def ensure_whole(self) -> None:
        """Raise Damaged if a quick look finds damage, if there is a database: for the start of a server."""

    def as_unavailable(self, error: Exception) -> Unavailable | None:
        """Return an error that is the storage's own, with its cause; None for one of whoever asked."""

    def told(self, error: Exception) -> Exception:
        """An error of the storage as it may be logged: without any value that somebody sent."""

    def finish_migrating(self, session: Session) -> None:
        """What has to follow migrations here."""

    def open(self, *, read_only: bool = False) -> Session: ...
    def open_snapshot(self) -> Session:
        """For reading all there is, however long it takes."""

    def open_reader(self, clock: Callable[[], int], new_sid: Callable[[str], str]) -> Reader: ...

    def back_up(self, path: Path) -> None:
        """Copy all that is stored into a file, while others write; raises BackupRefused."""

    def truncate_log(self) -> bool:
        """Remove what was deleted from logs of the engine's own; False if somebody reads from them."""
