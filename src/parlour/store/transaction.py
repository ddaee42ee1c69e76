"""The transaction: how a handler finds and changes rows, and gets the time and new SIDs."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec

from parlour.store import statements
from parlour.store.identity_map import IdentityMap, identity_of
from parlour.store.pages import PageReader
from parlour.store.pending_writes import PendingWrites
from parlour.store.session import Session, columns_of
from parlour.store.statements import Condition
from parlour.wire.paging import Page, PageRequest
from parlour.wire.resource import Resource, Scope, is_in_scope

R = TypeVar("R", bound=Resource)
Row = tuple[Any, ...]


class LockKey(NamedTuple):
    """The row that a job finds and locks first."""

    kind: type[Resource]
    sid: str


class OutOfScope(Exception):
    """A list has rows that the caller may not see: an error of the handler, which is answered as 404."""


class Transaction:
    """A transaction, shared by all jobs that are committed together.

    It remembers rows that were found, and delays inserts and updates until a statement depends on them or the
    transaction is committed: a batch of messages costs one look-up and one update for each conversation, and
    one INSERT. `now` is in milliseconds since 1970. With `locks`, rows of locked resources are locked when
    they are found, until the end of the transaction.
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
        # The account and service whose rows are found. None, as in the command line and the worker, is all.
        self.scope: Scope | None = None
        self._session, self._locks, self._combines = session, locks, combines
        self._known = IdentityMap()
        self._pending = PendingWrites(combines=combines)
        # Conversations that were locked before any savepoint, so that no rollback to one unlocks them.
        self._locked: set[str] = set()

    def find(self, kind: type[R], **key: Any) -> R | None:
        """Return the row whose columns equal `key`, which must be unique; None if there is none."""
        lookup = (kind, *key.items())
        known = self._known
        if lookup in known.lookups:
            identity = known.lookups[lookup]
            return None if identity is None else self._in_scope(known.rows[identity])
        if self._pending.concern(kind, key):
            self.flush()
        lock = statements.LOCK if self._locks and kind.locked else statements.NO_LOCK
        sql = statements.select_one(kind, tuple(key), lock)
        values = self._session.execute(sql, tuple(key.values())).fetchone()
        known.searched_by(kind, key)
        if values is None:
            known.lookups[lookup] = None
            return None
        return self._in_scope(known.remember(lookup, kind(*values)))

    def _in_scope(self, found: R) -> R | None:
        return found if self.scope is None or is_in_scope(found, self.scope) else None

    def _ensure_in_scope(self, found: Sequence[Any]) -> None:
        if self.scope is not None and not all(is_in_scope(each, self.scope) for each in found):
            raise OutOfScope

    def prefetch(self, keys: Collection[LockKey], *, blocking: bool) -> set[LockKey]:
        """Find and lock the rows that jobs will need. Does nothing on an engine with one writing process.

        With `blocking=False`, return the keys that are locked elsewhere or missing instead of waiting.
        """
        if not self._locks:
            return set()
        missing = set(keys)
        for kind in sorted({key.kind for key in keys}, key=attrgetter("table")):
            self._known.searched_by(kind, {"sid": None})
            sids = sorted(key.sid for key in keys if key.kind is kind)
            for row in self._look_up(kind, sids, blocking=blocking):
                found = kind(*row)
                self._known.lookups[kind, ("sid", row[0])] = identity = identity_of(found)
                self._known.rows[identity] = found
                missing.discard(LockKey(kind, row[0]))
        return set() if blocking else missing

    def _look_up(self, kind: type[Resource], sids: list[str], *, blocking: bool) -> Iterator[Row]:
        lock = statements.LOCK if blocking else statements.LOCK_IF_FREE
        if not kind.locked:
            lock = statements.NO_LOCK
        if self._combines:
            yield from self._session.execute(statements.select_some(kind, lock), (sids,)).fetchall()
            return
        sql = statements.select_one(kind, ("sid",), lock)
        for sid in sids:
            yield from self._session.execute(sql, (sid,)).fetchall()

    def find_free(self, kind: type[R], keys: Sequence[Row]) -> list[R]:
        """Find and lock the rows with these primary keys that no other transaction has locked."""
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
        return [
            self._known.rows.setdefault(identity_of(found), found) for found in (kind(*row) for row in rows)
        ]

    def lock_conversation(self, sid: str) -> None:
        """Lock a conversation and all its rows until the end of the transaction."""
        if self._locks and sid not in self._locked:
            self._session.execute(statements.LOCK_CONVERSATION, (sid,))

    def lock_conversations(self, sids: Collection[str]) -> None:
        """Lock conversations in the order of their SIDs. Called before any work, outside of savepoints."""
        if not self._locks or not sids:
            return
        if self._combines:
            self._session.execute(statements.LOCK_CONVERSATIONS, (sorted(sids),))
        else:
            for sid in sorted(sids):
                self._session.execute(statements.LOCK_CONVERSATION, (sid,))
        self._locked.update(sids)

    def find_all(self, kind: type[R], **key: Any) -> tuple[R, ...]:
        """Return all rows whose columns equal `key`, in the order of their SIDs: for lists that are short."""
        lookup = tuple(key.items())
        found = self._known.find_list(kind, lookup)
        if found is None:
            if self._pending.concern_any(kind):
                self.flush()
            rows = self._session.execute(statements.select_all(kind, tuple(key)), tuple(key.values()))
            found = tuple(kind(*row) for row in rows.fetchall())
            self._known.remember_list(kind, lookup, found)
        self._ensure_in_scope(found)
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
        """Return a page of the rows that meet `where`, in the order of the columns `by`, which are unique."""
        reader = PageReader(self.select, kind, tuple(where), by, descending)
        page: Page[R] = reader.read_page(asked)
        self._ensure_in_scope(page.rows)
        return page

    def select(self, sql: str, *parameters: Any) -> list[Row]:
        """Return the rows of a SELECT, in which `?` stands for each parameter."""
        self.flush()
        return self._session.execute(sql, parameters).fetchall()

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns, in their order."""
        return columns_of(self._session, table)

    def insert(self, resource: R) -> R:
        self._pending.insert(resource)
        self._known.inserted(type(resource))
        self._changed(resource)
        return resource

    def update(self, resource: R, **changes: Any) -> R:
        """Return the resource with `changes`, which are written before the commit."""
        if not changes:
            return resource
        updated = msgspec.structs.replace(resource, **changes)
        self._pending.update(self._known.updated(updated, changes), changes)
        self._changed(resource)
        return updated

    def delete(self, resource: Resource) -> None:
        self.flush()
        self._session.execute(statements.delete_one(type(resource)), identity_of(resource)[1:])
        self.discard()
        self._changed(resource)

    def mark_deleted(self, resource: Resource, **changes: Any) -> None:
        """Set the tombstone of a row, and `changes`: no look-up finds the row or what it owns any more."""
        self.flush()
        self.discard()
        self.update(resource, date_deleted=self.now, **changes)
        self.flush()
        self.discard()

    def execute(self, sql: str, *parameters: Any) -> list[Row]:
        """Run a write and return its rows. It must not change rows that were found in this transaction."""
        self.flush()
        rows = self._session.execute(sql, parameters).fetchall()
        self.writes += 1
        return rows

    def flush(self) -> None:
        """Send the pending writes to the storage."""
        if self._pending:
            with self._session.pipelined():
                self._pending.send(self._session, self._known.rows)

    def commit(self) -> None:
        """Send the pending writes and the commit together."""
        with self._session.pipelined():
            self._pending.send(self._session, self._known.rows)
            self._session.commit()

    def discard(self) -> None:
        """Drop all rows that were found and all pending writes, as after a rollback."""
        self._known.clear()
        self._pending.clear()

    def _changed(self, resource: Resource) -> None:
        self.writes += 1
        kind = type(resource)
        if kind.part_of is not None:
            # An update without columns raises the version of the row that the resource is part of.
            self._pending.update((kind.part_of, getattr(resource, kind.key[0])), ())
