"""Dumps: everything that is stored, copied, emptied and put back, for the control API."""

import functools
import re
from typing import Any

from parlour.store.migrate import known_migrations
from parlour.store.statements import quote, quoted, slots
from parlour.store.transaction import Transaction

CREATED = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)
# What remains when the rest is emptied: who may call, the service that each account always has, and
# which database it is, which the media store knows too.
KEPT = {
    "accounts": "FALSE",
    "api_keys": "FALSE",
    "identity": "FALSE",
    "services": "sid NOT IN (SELECT default_chat_service_sid FROM accounts)",
}

Dump = dict[str, list[tuple[Any, ...]]]


@functools.cache
def tables() -> tuple[str, ...]:
    """In the order of their making: children come after their parents, so nothing is ever an orphan."""
    return tuple(name for each in known_migrations() for name in CREATED.findall(each.script))


def empty(tx: Transaction) -> None:
    """Remove all but accounts, keys and default services."""
    for table in reversed(tables()):
        tx.execute(f"DELETE FROM {quote(table)} WHERE {KEPT.get(table, 'TRUE')}")
    tx.discard()


def copy(tx: Transaction) -> Dump:
    return {table: tx.select(f"SELECT * FROM {quote(table)}") for table in tables()}


def put_back(tx: Transaction, dump: Dump) -> None:
    """Replace all that is stored by what was copied."""
    for table in reversed(tables()):
        tx.execute(f"DELETE FROM {quote(table)}")
    for table in tables():
        names = tx.columns(table)
        insert = f"INSERT INTO {quote(table)} ({quoted(names)}) VALUES ({slots(len(names))})"
        for row in dump.get(table, []):
            tx.execute(insert, *row)
    tx.discard()
