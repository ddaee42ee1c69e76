"""Tombstones: which rows were deleted and are not removed yet, for the few callers that must know."""

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

from parlour.store.session import Session
from parlour.store.statements import matching
from parlour.store.transaction import Transaction
from parlour.wire.resource import Resource

Row = tuple[Any, ...]

# The columns that name an owner, by the owner's table.
OWNERS = {
    "account_sid": "accounts",
    "chat_service_sid": "services",
    "service_sid": "services",
    "conversation_sid": "conversations",
    "channel_sid": "conversations",
}
# Rows that report the deletion of their conversation and are removed afterwards.
OUTLIVING = {"webhook_lanes": "conversation_sid", "webhook_deliveries": "conversation_sid"}
# The rows of this table are exported, marked as deleted, because their bytes have to be removed, too.
MARKED = "media"

# The beginnings of statements that find rows with tombstones on purpose, each with the reason. Statements
# that handlers share have the condition of `statements.py`; a test compares all others with this list.
FIND_DELETED = {
    "SELECT sid FROM conversations WHERE sid = ? FOR UPDATE": "it locks, and tells nothing",
    "SELECT sid FROM conversations WHERE sid = ANY(?) ORDER BY sid FOR UPDATE": "it locks, and tells nothing",
    'SELECT sid FROM conversations WHERE "chat_service_sid" = ?': "deletions and exports look for it",
    "SELECT 1 FROM services WHERE account_sid = ?": "an account is removed after its services",
    "SELECT date_inactive, sid FROM conversations": "the timers of what is deleted are dropped",
    "SELECT date_closed, sid FROM conversations": "the timers of what is deleted are dropped",
    'SELECT 1 FROM accounts WHERE "sid" = ?': "a SID is free once its row is removed",
    'SELECT 1 FROM services WHERE "sid" = ?': "a SID is free once its row is removed",
    'SELECT 1 FROM conversations WHERE "sid" = ?': "a SID is free once its row is removed",
    "SELECT * FROM": "snapshots hold all there is, and columns are asked for",
    "SELECT COUNT(*) FROM": "the length of an export, for its progress",
    "DELETE FROM": "a reset removes all there is",
}
TABLE = re.compile(r'\b(?:FROM|JOIN) "?(?:conversations|services|accounts)\b')

DELETED = "SELECT sid, date_deleted FROM {} WHERE date_deleted IS NOT NULL"
OF_SERVICE = 'SELECT sid FROM conversations WHERE "chat_service_sid" = ?'


@functools.cache
def finds_deleted(statement: str) -> bool:
    """Whether a statement finds deleted rows and is none of those that do so on purpose."""
    plain = " ".join(statement.split())
    if any(plain.startswith(known) for known in FIND_DELETED):
        return False
    return len(TABLE.findall(plain)) > plain.count("date_deleted")


def is_taken(tx: Transaction, kind: type[Resource], **key: Any) -> bool:
    """Whether a row has the key, including rows that were deleted."""
    return bool(tx.select(f"SELECT 1 FROM {kind.table} WHERE {matching(key)}", *key.values()))


class Tombstones:
    """The tombstones in a snapshot, with their dates: an export omits the rows that they hide."""

    def __init__(self, session: Session) -> None:
        self._dates: dict[str, dict[str, int]] = {
            table: dict(session.execute(DELETED.format(table)).fetchall())
            for table in ("accounts", "services", "conversations")
        }
        for service_sid, date in self._dates["services"].items():
            for (sid,) in session.execute(OF_SERVICE, (service_sid,)).fetchall():
                self._dates["conversations"].setdefault(sid, date)

    def filter_for(self, table: str, names: Sequence[str]) -> Callable[[Row], Row | None]:
        """Return a function that returns each row of a table as it is exported, or None if it is omitted."""
        owners = [
            (names.index(column), self._dates[owner])
            for column, owner in [*OWNERS.items(), ("sid", table)]
            if column in names and OUTLIVING.get(table) != column and self._dates.get(owner)
        ]
        if not owners:
            return lambda row: row
        marked = names.index("date_deleted") if table == MARKED else None

        def filtered(row: Row) -> Row | None:
            date = next((dates[row[place]] for place, dates in owners if row[place] in dates), None)
            if date is None:
                return row
            if marked is None:
                return None
            return (*row[:marked], row[marked] or date, *row[marked + 1 :])

        return filtered
