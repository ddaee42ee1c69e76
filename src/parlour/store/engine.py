"""The interface of a storage engine; all differences between the two engines are in their files."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from parlour.store.health import StorageHealth
from parlour.store.session import Session
from parlour.store.storage_errors import Unavailable
from parlour.store.transaction import Transaction

# The most jobs of one transaction, where nobody else waits for a lock of the whole storage.
MAX_TOGETHER = 256

T = TypeVar("T")
Errors = tuple[type[Exception], ...]


class Reader(Protocol):
    async def read(self, work: Callable[[Transaction], T]) -> T: ...
    def close(self) -> None: ...


class Engine(Protocol):
    """A storage engine.

    It is `shared` if several processes may write: rows that are to be changed are locked when they are found.
    `faults` are all errors of the storage, `conflicts` those after which the transaction may succeed if it is
    repeated, `collisions` those that say that another transaction was faster.
    """

    shared: bool
    faults: Errors
    conflicts: Errors
    collisions: Errors
    health: StorageHealth
    # The most jobs that a writer commits at once.
    jobs_at_once: int

    @property
    def combines(self) -> bool:
        """Whether one statement may lock, insert or update many rows."""

    @property
    def name(self) -> str:
        """The name of the storage, without credentials."""

    def exists(self) -> bool:
        """Whether there is a database with Parlour's tables. Creates nothing. Raises Unavailable."""

    def ensure_whole(self) -> None:
        """Raise Damaged if a quick check finds damage: for the start of a server.

        The database may be missing.
        """

    def as_unavailable(self, error: Exception) -> Unavailable | None:
        """Return an error of the storage as Unavailable; None if the error has another cause."""

    def redacted(self, error: Exception) -> Exception:
        """Return an error of the storage that can be logged: without values of rows."""

    def finish_migrating(self, session: Session) -> None:
        """Do what this engine needs after migrations."""

    def open(self, *, read_only: bool = False) -> Session: ...
    def open_snapshot(self) -> Session:
        """Open a session that reads one snapshot, without a limit on its time."""

    def open_reader(self, clock: Callable[[], int], new_sid: Callable[[str], str]) -> Reader: ...

    def back_up(self, path: Path) -> None:
        """Copy the database into a file while others write. Raises BackupRefused."""

    def truncate_log(self) -> bool:
        """Remove deleted data from the engine's own log. Returns False if another session reads from it."""
