"""Pending writes: the inserts and updates of a transaction, which are sent to the storage together."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from parlour.store import statements
from parlour.store.identity_map import Identity
from parlour.store.session import Session
from parlour.wire.resource import Resource

Row = tuple[Any, ...]

# How many rows one INSERT has: few different statements, so that each is prepared once.
ROWS_AT_ONCE = (64, 16, 4, 1)
# From this many rows on, one statement for all is faster than one for each.
FEW = 2

NO_COLUMNS: frozenset[str] = frozenset()


class PendingWrites:
    """Rows to insert, and the changed columns of rows; `combines` is the engine's attribute of that name."""

    def __init__(self, *, combines: bool) -> None:
        self._combines = combines
        self._inserts: dict[type[Resource], list[Row]] = {}
        self._updates: dict[Identity, set[str]] = {}
        self._updated_columns: dict[type[Resource], set[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._inserts or self._updates)

    def insert(self, resource: Resource) -> None:
        self._inserts.setdefault(type(resource), []).append(msgspec.structs.astuple(resource))

    def update(self, identity: Identity, columns: Iterable[str]) -> None:
        """Write these columns of a row. Without columns, only the version of a versioned row is raised."""
        self._updates.setdefault(identity, set()).update(columns)
        if columns:
            self._updated_columns.setdefault(identity[0], set()).update(columns)

    def concern(self, kind: type[Resource], columns: Iterable[str]) -> bool:
        """Whether the pending writes could change the result of a look-up by these columns."""
        if kind in self._inserts:
            return True
        return not self._updated_columns.get(kind, NO_COLUMNS).isdisjoint(columns)

    def concern_any(self, kind: type[Resource]) -> bool:
        return kind in self._inserts or kind in self._updated_columns

    def send(self, session: Session, rows: Mapping[Identity, Any]) -> None:
        """Send all to the storage: inserts of parents before children, then updates with values of `rows`."""
        for kind in sorted(self._inserts, key=depth_of):
            self._insert_rows(session, kind, self._inserts[kind])
        shapes: dict[tuple[type[Resource], tuple[str, ...]], list[Identity]] = {}
        for identity, columns in self._updates.items():
            shapes.setdefault((identity[0], tuple(sorted(columns))), []).append(identity)
        for (kind, names), identities in shapes.items():
            values = [
                (*[getattr(rows[identity], name) for name in names], *identity[1:]) for identity in identities
            ]
            self._update_rows(session, kind, names, values)
        self.clear()

    def clear(self) -> None:
        for each in (self._inserts, self._updates, self._updated_columns):
            each.clear()

    def _insert_rows(self, session: Session, kind: type[Resource], rows: list[Row]) -> None:
        if self._combines and len(rows) >= FEW:
            written = statements.in_json(kind.__struct_fields__, rows)
            session.execute(statements.insert_many(kind), (written,))
            return
        start = 0
        for size in ROWS_AT_ONCE:
            while len(rows) - start >= size:
                values = [value for row in rows[start : start + size] for value in row]
                session.execute(statements.insert_rows(kind, size), values)
                start += size

    def _update_rows(
        self, session: Session, kind: type[Resource], names: tuple[str, ...], rows: list[Row]
    ) -> None:
        if self._combines and len(rows) >= FEW:
            written = statements.in_json((*names, *kind.key), rows)
            session.execute(statements.update_many(kind, names), (written,))
            return
        for row in rows:
            session.execute(statements.update_one(kind, names), row)


def depth_of(kind: type[Resource]) -> int:
    return kind.depth
