"""The unit of work: what a handler may do to the storage, and the time and SIDs it is handed."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec

from parlour import errors
from parlour.store import statements
from parlour.store.engine import Session, columns_of
from parlour.store.pages import PageReader, fits
from parlour.store.statements import Condition
from parlour.wire.paging import Page, PageRequest, Token
from parlour.wire.resource import Resource

R = TypeVar("R", bound=Resource)
Identity = tuple[Any, ...]
Row = tuple[Any, ...]

# How many rows one INSERT carries: few shapes, so that each is prepared once.
ROWS_AT_ONCE = (64, 16, 4, 1)

# From how many a single statement is better than one for each.
FEW = 2

NO_COLUMNS: frozenset[str] = frozenset()


class About(NamedTuple):
    """What a piece of work will ask for first, if it is there."""

    kind: type[Resource]
    sid: str


class Transaction:
    """Shared by all the work that is committed together.

    Rows that were found are remembered, and inserts and updates are held back until something must
    see them or the commit comes: a batch of messages costs one look-up and one update for each
    conversation and one INSERT for all. `now` is in milliseconds since 1970. With `locks`, whatever
    is to be locked is, when it is found: others who want to change it wait for the end.
    """

    def __init__(
        self,
        session: Session,
        now: int,
        new_sid: Callable[[str], str],
        *,
        locks: bool = False,
        combines: bool = False,
    ) -> None:
        self.now = now
        self.new_sid = new_sid
        self.writes = 0
        self._session, self._locks, self._combines = session, locks, combines
        self._lookups: dict[tuple[Any, ...], Identity | None] = {}
        self._searched: dict[type[Resource], set[str]] = {}
        self._lists: dict[type[Resource], dict[tuple[Any, ...], tuple[Any, ...]]] = {}
        self._rows: dict[Identity, Any] = {}
        self._inserts: dict[type[Resource], list[Row]] = {}
        self._updates: dict[Identity, set[str]] = {}
        self._updated: dict[type[Resource], set[str]] = {}

    def find(self, kind: type[R], **key: Any) -> R | None:
        """The row whose columns equal `key`, which must be unique."""
        lookup = (kind, *key.items())
        if lookup in self._lookups:
            identity = self._lookups[lookup]
            known: R | None = None if identity is None else self._rows[identity]
            return known
        if kind in self._inserts or not self._updated.get(kind, NO_COLUMNS).isdisjoint(key):
            self.flush()
        lock = statements.LOCK if self._locks and kind.locked else statements.NO_LOCK
        sql = statements.select_one(kind, tuple(key), lock)
        row = self._session.execute(sql, tuple(key.values())).fetchone()
        self._searched.setdefault(kind, set()).update(key)
        if row is None:
            self._lookups[lookup] = None
            return None
        found = kind(*row)
        identity = self._lookups[lookup] = identity_of(found)
        # What is remembered of this row may be newer: an update of it may still be held back.
        newest: R = self._rows.setdefault(identity, found)
        return newest

    def foresee(self, abouts: Collection[About], *, waits: bool) -> set[About]:
        """Find, and lock, what works will ask for; nothing where nobody else may change it.

        Unless it `waits` for others, what they hold is returned, and what is not there.
        """
        if not self._locks:
            return set()
        missing = set(abouts)
        for kind in sorted({about.kind for about in abouts}, key=attrgetter("table")):
            self._searched.setdefault(kind, set()).add("sid")
            sids = sorted(about.sid for about in abouts if about.kind is kind)
            for row in self._look_up(kind, sids, waits=waits):
                found = kind(*row)
                self._lookups[kind, ("sid", row[0])] = identity = identity_of(found)
                self._rows[identity] = found
                missing.discard(About(kind, row[0]))
        return set() if waits else missing

    def _look_up(self, kind: type[Resource], sids: list[str], *, waits: bool) -> Iterator[Row]:
        lock = statements.LOCK if waits else statements.LOCK_IF_FREE
        if not kind.locked:
            lock = statements.NO_LOCK
        if self._combines:
            yield from self._session.execute(statements.select_some(kind, lock), (sids,)).fetchall()
            return
        sql = statements.select_one(kind, ("sid",), lock)
        for sid in sids:
            yield from self._session.execute(sql, (sid,)).fetchall()

    def find_free(self, kind: type[R], keys: Sequence[Row]) -> list[R]:
        """Find, and lock, the rows with these primary keys, but those that another transaction holds."""
        if not keys:
            return []
        self.flush()
        lock = statements.LOCK_IF_FREE if self._locks else statements.NO_LOCK
        if self._combines:
            sql = statements.select_many(kind, lock)
            rows = self._session.execute(sql, (statements.in_json(kind.key, keys),)).fetchall()
        else:
            sql = statements.select_one(kind, kind.key, lock)
            rows = [row for key in keys for row in self._session.execute(sql, key).fetchall()]
        return [self._rows.setdefault(identity_of(found), found) for found in (kind(*row) for row in rows)]

    def hold_conversation(self, sid: str) -> None:
        """Have nobody else change a conversation, or what is in it, until the end."""
        if self._locks:
            self._session.execute(statements.LOCK_CONVERSATION, (sid,))

    def find_all(self, kind: type[R], **key: Any) -> tuple[R, ...]:
        """The few rows whose columns equal `key`, in order of their SIDs."""
        known = self._lists.setdefault(kind, {})
        lookup = tuple(key.items())
        if lookup not in known:
            if kind in self._inserts or kind in self._updated:
                self.flush()
            rows = self._session.execute(statements.select_all(kind, tuple(key)), tuple(key.values()))
            known[lookup] = tuple(kind(*row) for row in rows.fetchall())
        found: tuple[R, ...] = known[lookup]
        return found

    def page(
        self,
        kind: type[R],
        asked: PageRequest,
        *,
        where: Iterable[Condition],
        by: tuple[str, ...],
        descending: bool = False,
    ) -> Page[R]:
        """One page of the rows that meet `where`, in the order of the columns `by`, which are unique."""
        token, limit = asked.token, asked.size + 1
        reader = PageReader(self, kind, tuple(where), by, descending)
        if token is None:
            rows = reader.read(None, limit)
            return Page(rows[: asked.size], None, reader.token_past(rows, asked.size))
        if not fits(token, by):
            raise errors.INVALID_PARAMETER(name="PageToken", reason="is not one of this list's tokens")
        rows = reader.read(token, limit)
        beyond = Token(token.key, before=not token.before)
        exists = bool(reader.read(beyond, 1))
        if token.before:
            previous = Token(reader.key(rows[asked.size - 1]), before=True) if len(rows) == limit else None
            return Page(rows[: asked.size][::-1], previous, beyond if exists else None)
        return Page(rows[: asked.size], beyond if exists else None, reader.token_past(rows, asked.size))

    def select(self, sql: str, *parameters: Any) -> list[Row]:
        """Rows of a statement of the caller's own; `?` stands for each parameter."""
        self.flush()
        return self._session.execute(sql, parameters).fetchall()

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns, in their order."""
        return columns_of(self._session, table)

    def insert(self, resource: R) -> R:
        kind = type(resource)
        self._inserts.setdefault(kind, []).append(msgspec.structs.astuple(resource))
        self._lists.pop(kind, None)
        if kind in self._searched:
            self._forget(kind)
        self._changed(kind, resource)
        return resource

    def update(self, resource: R, **changes: Any) -> R:
        """The resource with `changes`, which become part of the commit; nothing happens without any."""
        if not changes:
            return resource
        kind, updated = type(resource), msgspec.structs.replace(resource, **changes)
        if not self._searched.get(kind, set()).isdisjoint(changes):
            self._forget(kind)
        self._lists.pop(kind, None)
        identity = identity_of(updated)
        self._rows[identity] = updated
        self._updates.setdefault(identity, set()).update(changes)
        self._updated.setdefault(kind, set()).update(changes)
        self._changed(kind, resource)
        return updated

    def delete(self, resource: Resource) -> None:
        kind = type(resource)
        self.flush()
        self._session.execute(statements.delete_one(kind), identity_of(resource)[1:])
        self.discard()
        self._changed(kind, resource)

    def mark_deleted(self, resource: Resource, **changes: Any) -> None:
        """Put a tombstone on the row, with `changes`: from here on nobody finds it, nor what it owns."""
        self.flush()
        self.discard()
        self.update(resource, date_deleted=self.now, **changes)
        self.flush()
        self.discard()

    def execute(self, sql: str, *parameters: Any) -> list[Row]:
        """A write of the caller's own, and the rows that it returns; it must not touch what was found."""
        self.flush()
        rows = self._session.execute(sql, parameters).fetchall()
        self.writes += 1
        return rows

    def flush(self) -> None:
        """Hand the storage all that was held back."""
        if self._inserts or self._updates:
            with self._session.together():
                self._hand_over()

    def commit(self) -> None:
        """Hand over what was held back, and commit it in the same breath."""
        with self._session.together():
            self._hand_over()
            self._session.commit()

    def _hand_over(self) -> None:
        for kind in sorted(self._inserts, key=depth_of):
            self._insert_rows(kind, self._inserts[kind])
        shapes: dict[tuple[type[Resource], tuple[str, ...]], list[Identity]] = {}
        for identity, columns in self._updates.items():
            shapes.setdefault((identity[0], tuple(sorted(columns))), []).append(identity)
        for (kind, names), identities in shapes.items():
            self._update_rows(kind, names, identities)
        for held_back in (self._inserts, self._updates, self._updated):
            held_back.clear()

    def discard(self) -> None:
        """Forget all that was read and held back, as after a rollback."""
        for each in (
            self._lookups,
            self._searched,
            self._lists,
            self._rows,
            self._inserts,
            self._updates,
            self._updated,
        ):
            each.clear()

    def _insert_rows(self, kind: type[Resource], rows: list[Row]) -> None:
        if self._combines and len(rows) >= FEW:
            self._session.execute(
                statements.insert_many(kind), (statements.in_json(kind.__struct_fields__, rows),)
            )
            return
        start = 0
        for size in ROWS_AT_ONCE:
            while len(rows) - start >= size:
                values = [value for row in rows[start : start + size] for value in row]
                self._session.execute(statements.insert_rows(kind, size), values)
                start += size

    def _update_rows(self, kind: type[Resource], names: tuple[str, ...], identities: list[Identity]) -> None:
        rows = [
            (*[getattr(self._rows[identity], name) for name in names], *identity[1:])
            for identity in identities
        ]
        if self._combines and len(rows) >= FEW:
            sql = statements.update_many(kind, names)
            self._session.execute(sql, (statements.in_json((*names, *kind.key), rows),))
            return
        for row in rows:
            self._session.execute(statements.update_one(kind, names), row)

    def _changed(self, kind: type[Resource], resource: Resource) -> None:
        self.writes += 1
        if kind.part_of is not None:
            # An update of no columns: it raises the version of what the resource is part of.
            self._updates.setdefault((kind.part_of, getattr(resource, kind.key[0])), set())

    def _forget(self, kind: type[Resource]) -> None:
        self._lookups = {lookup: found for lookup, found in self._lookups.items() if lookup[0] is not kind}
        del self._searched[kind]


def depth_of(kind: type[Resource]) -> int:
    return kind.depth


def identity_of(resource: Resource) -> Identity:
    kind = type(resource)
    if len(kind.key) == 1:
        return (kind, getattr(resource, kind.key[0]))
    return (kind, *(getattr(resource, column) for column in kind.key))
