"""A session: one connection to the storage, in either engine."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from parlour.store.statements import quote


class Cursor(Protocol):
    @property
    def description(self) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


class Session(Protocol):
    """A connection, for one thread at a time. One that was lost is made anew when a transaction begins."""

    @property
    def execute(self) -> Callable[..., Cursor]: ...
    def begin(self) -> None: ...

    def begin_alone(self) -> None:
        """Begin a transaction that excludes all others begun by this method, in every process."""

    def commit(self) -> None: ...

    def roll_back(self) -> None:
        """End a transaction if there is one; never raises."""

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a statement, of which only a few are in memory at a time."""

    def pipelined(self) -> AbstractContextManager[Any]:
        """Statements in this block are pipelined: sent together, results read at the end."""

    def close(self) -> None: ...


def columns_of(session: Session, table: str) -> list[str]:
    """Return the names of a table's columns, in their order."""
    return [column[0] for column in session.execute(f"SELECT * FROM {quote(table)} LIMIT 0").description]
