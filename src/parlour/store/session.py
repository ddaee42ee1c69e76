"""The interface of a session: one connection to the storage."""

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
    """A connection, for one thread at a time. A lost one is opened again when a transaction begins."""

    @property
    def execute(self) -> Callable[..., Cursor]: ...
    def begin(self) -> None: ...

    def begin_alone(self) -> None:
        """Begin a transaction that excludes all others begun by this method, in every process."""

    def commit(self) -> None: ...

    def roll_back(self) -> None:
        """Roll back the transaction, if there is one. Never raises."""

    def stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a statement without reading all of them into memory."""

    def pipelined(self) -> AbstractContextManager[Any]:
        """Statements in this block are pipelined: sent together, results read at the end."""

    def close(self) -> None: ...


def columns_of(session: Session, table: str) -> list[str]:
    """Return the names of a table's columns, in their order."""
    return [column[0] for column in session.execute(f"SELECT * FROM {quote(table)} LIMIT 0").description]
