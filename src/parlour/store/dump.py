"""Dumps: copies, empties and restores all tables, for the control API."""

import functools
import re
from typing import Any

from parlour.store.migrate import known_migrations
from parlour.store.statements import quote, quoted, slots
from parlour.store.transaction import Transaction

CREATED = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)
# The rows that `empty` removes of some tables. Accounts, keys and default services remain, and the identity
# of the database, which is also stored with the media.
KEPT = {
    "accounts": "FALSE",
    "api_keys": "FALSE",
    "identity": "FALSE",
    "services": "sid NOT IN (SELECT default_chat_service_sid FROM accounts)",
}

Dump = dict[str, list[tuple[Any, ...]]]


@functools.cache
def tables() -> tuple[str, ...]:
    """Return the tables in the order in which they were created: children after their parents."""
    return tuple(name for each in known_migrations() for name in CREATED.findall(each.script))


def empty(tx: Transaction) -> None:
    """Remove all but accounts, keys and default services."""
    for table in reversed(tables()):
        tx.execute(f"DELETE FROM {quote(table)} WHERE {KEPT.get(table, 'TRUE')}")
    tx.discard()


def copy(tx: Transaction) -> Dump:
    """Return the rows of all tables."""
    return {table: tx.select(f"SELECT * FROM {quote(table)}") for table in tables()}


def put_back(tx: Transaction, dump: Dump) -> None:
    """Replace the rows of all tables by those of a dump."""
    for table in reversed(tables()):
        tx.execute(f"DELETE FROM {quote(table)}")
    for table in tables():
        names = tx.columns(table)
        insert = f"INSERT INTO {quote(table)} ({quoted(names)}) VALUES ({slots(len(names))})"
        for row in dump.get(table, []):
            tx.execute(insert, *row)
    tx.discard()
