"""Numbered .sql files, each applied once, in order, in a transaction of its own."""

import sqlite3
from collections.abc import Iterator
from importlib import resources
from typing import NamedTuple

from parlour.store.sqlite import BEGIN_WRITE, SQLite

LEDGER = "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL)"


class Migration(NamedTuple):
    number: int
    name: str
    script: str


class DatabaseTooNew(Exception):
    """The database was made by a newer Parlour."""


def known_migrations() -> list[Migration]:
    files = resources.files("parlour.store").joinpath("migrations").iterdir()
    scripts = sorted((file.name, file.read_text()) for file in files if file.name.endswith(".sql"))
    return [Migration(int(name[:4]), name, script) for name, script in scripts]


def migrate(engine: SQLite) -> list[str]:
    """The names of the migrations that were applied now; raises DatabaseTooNew."""
    connection = engine.connect()
    try:
        connection.execute(LEDGER)
        return [migration.name for migration in known_migrations() if apply(connection, migration)]
    finally:
        connection.close()


def apply(connection: sqlite3.Connection, migration: Migration) -> bool:
    # The ledger is read under the write lock, so of two processes that start at once one applies it.
    connection.execute(BEGIN_WRITE)
    try:
        done = {number for (number,) in connection.execute("SELECT number FROM migrations")}
        ensure_not_too_new(done)
        if migration.number in done:
            connection.execute("ROLLBACK")
            return False
        for statement in statements_of(migration.script):
            connection.execute(statement)
        connection.execute("INSERT INTO migrations VALUES (?, ?)", (migration.number, migration.name))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return True


def ensure_not_too_new(done: set[int]) -> None:
    newest = known_migrations()[-1].number
    if done and max(done) > newest:
        raise DatabaseTooNew(
            f"the database is at migration {max(done)}, this program knows {newest}: use a newer Parlour"
        )


def statements_of(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
