"""All that is stored, at once: emptied, copied and put back, for tests of those who call us."""

from typing import Any

from parlour.store.statements import quote, quoted, slots
from parlour.store.transaction import Transaction

# Children come after their parents, so in this order nothing is ever an orphan.
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
LEDGER = "migrations"
# What remains when the rest is emptied: who may call, and the service that each account always has.
KEPT = {
    "accounts": "FALSE",
    "api_keys": "FALSE",
    "services": "sid NOT IN (SELECT default_chat_service_sid FROM accounts)",
}

Contents = dict[str, list[tuple[Any, ...]]]


def tables(tx: Transaction) -> list[str]:
    return [name for (name,) in tx.select(TABLES) if name != LEDGER]


def empty(tx: Transaction) -> None:
    """Remove all but accounts, keys and default services."""
    for table in reversed(tables(tx)):
        tx.execute(f"DELETE FROM {quote(table)} WHERE {KEPT.get(table, 'TRUE')}")
    tx.discard()


def copy(tx: Transaction) -> Contents:
    return {table: tx.select(f"SELECT * FROM {quote(table)}") for table in tables(tx)}


def put_back(tx: Transaction, contents: Contents) -> None:
    """Replace all that is stored by what was copied."""
    found = tables(tx)
    for table in reversed(found):
        tx.execute(f"DELETE FROM {quote(table)}")
    for table in found:
        names = [name for _, name, *_ in tx.select(f"PRAGMA table_info({quote(table)})")]
        insert = f"INSERT INTO {quote(table)} ({quoted(names)}) VALUES ({slots(len(names))})"
        for row in contents.get(table, []):
            tx.execute(insert, *row)
    tx.discard()
