"""The identity map of a transaction: rows that were read or written, so that each is read once."""

from collections.abc import Mapping
from typing import Any

from parlour.wire.resource import Resource

# A resource's type, then the values of its primary key.
Identity = tuple[Any, ...]
# A resource's type, then the columns and values that it was looked up by.
Lookup = tuple[Any, ...]


def identity_of(resource: Resource) -> Identity:
    kind = type(resource)
    if len(kind.key) == 1:
        return (kind, getattr(resource, kind.key[0]))
    return (kind, *(getattr(resource, column) for column in kind.key))


class IdentityMap:
    """Repeats the results of look-ups, until a write could change them.

    `rows` holds the newest version of each row, `lookups` the identity that each look-up found, None if it
    found none.
    """

    def __init__(self) -> None:
        self.rows: dict[Identity, Any] = {}
        self.lookups: dict[Lookup, Identity | None] = {}
        self._searched_columns: dict[type[Resource], set[str]] = {}
        self._lists: dict[type[Resource], dict[Lookup, tuple[Any, ...]]] = {}

    def searched_by(self, kind: type[Resource], columns: Mapping[str, Any]) -> None:
        """Record the columns of a look-up: a write to one of them invalidates look-ups of this type."""
        self._searched_columns.setdefault(kind, set()).update(columns)

    def remember(self, lookup: Lookup, found: Any) -> Any:
        """Record the result of a look-up. Returns the newest version of the row, which may be unwritten."""
        identity = self.lookups[lookup] = identity_of(found)
        return self.rows.setdefault(identity, found)

    def find_list(self, kind: type[Resource], lookup: Lookup) -> tuple[Any, ...] | None:
        return self._lists.get(kind, {}).get(lookup)

    def remember_list(self, kind: type[Resource], lookup: Lookup, found: tuple[Any, ...]) -> None:
        self._lists.setdefault(kind, {})[lookup] = found

    def inserted(self, kind: type[Resource]) -> None:
        """Drop the results that a new row of this type could change."""
        self._lists.pop(kind, None)
        if kind in self._searched_columns:
            self._drop_lookups(kind)

    def updated(self, resource: Resource, columns: Mapping[str, Any]) -> Identity:
        """Record the new version of a row, and drop the results that the changed columns could change."""
        kind = type(resource)
        self._lists.pop(kind, None)
        if not self._searched_columns.get(kind, set()).isdisjoint(columns):
            self._drop_lookups(kind)
        identity = identity_of(resource)
        self.rows[identity] = resource
        return identity

    def clear(self) -> None:
        for each in (self.rows, self.lookups, self._searched_columns, self._lists):
            each.clear()

    def _drop_lookups(self, kind: type[Resource]) -> None:
        for lookup in [each for each in self.lookups if each[0] is kind]:
            del self.lookups[lookup]
        del self._searched_columns[kind]
