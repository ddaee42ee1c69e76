"""The interface of a storage engine; the differences between the two stay in each one's file."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from parlour.store.health import Health
from parlour.store.session import Session
from parlour.store.storage_errors import Unavailable
from parlour.store.transaction import Transaction

T = TypeVar("T")
Errors = tuple[type[Exception], ...]


class Reader(Protocol):
    async def read(self, work: Callable[[Transaction], T]) -> T: ...
    def close(self) -> None: ...


class Engine(Protocol):
    """Where rows are stored.

    An engine is `shared` if other processes may write too: rows that are changed are locked when they
    are found. `faults` are all errors of the storage; `conflicts` those after which the same may succeed
    at once, `collisions` those in which another transaction was faster.
    """

    shared: bool
    faults: Errors
    conflicts: Errors
    collisions: Errors
    health: Health

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
        """Return the cause of an outage; None if the error is the caller's."""

    def redacted(self, error: Exception) -> Exception:
        """Return an error of the storage as it may be logged: without any value that somebody sent."""

    def finish_migrating(self, session: Session) -> None:
        """Do what must follow migrations in this engine."""

    def open(self, *, read_only: bool = False) -> Session: ...
    def open_snapshot(self) -> Session:
        """Open a session for reading everything, however long it takes."""

    def open_reader(self, clock: Callable[[], int], new_sid: Callable[[str], str]) -> Reader: ...

    def back_up(self, path: Path) -> None:
        """Copy all that is stored into a file, while others write; raises BackupRefused."""

    def truncate_log(self) -> bool:
        """Remove what was deleted from logs of the engine's own; False if somebody reads from them."""
