"""Migrations: numbered .sql files, each applied once, in order, in a transaction of its own."""

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from importlib import resources
from typing import NamedTuple, TypeVar

from parlour.errors import UserError
from parlour.store.engine import Engine
from parlour.store.session import Session

T = TypeVar("T")

LEDGER = "CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL)"


class Migration(NamedTuple):
    number: int
    name: str
    script: str


class DatabaseTooNew(UserError):
    """The database was made by a newer Parlour."""


def known_migrations() -> list[Migration]:
    files = resources.files("parlour.store").joinpath("migrations").iterdir()
    scripts = sorted((file.name, file.read_text()) for file in files if file.name.endswith(".sql"))
    return [Migration(int(name[:4]), name, script) for name, script in scripts]


def migrate(engine: Engine) -> list[str]:
    """Apply the missing migrations and return their names. Raises DatabaseTooNew, or Unavailable."""
    session = engine.open()
    try:
        missing = alone(session, partial(missing_migrations, session))
        applied = [each.name for each in missing if alone(session, partial(apply, session, each))]
        alone(session, partial(engine.finish_migrating, session))
    except engine.faults as error:
        raise engine.as_unavailable(error) or error from None
    finally:
        session.close()
    return applied


def is_current(engine: Engine) -> bool:
    """Whether all migrations were applied. Writes nothing. Raises DatabaseTooNew, or Unavailable."""
    session = engine.open(read_only=True)
    try:
        session.begin()
        done = applied_numbers(session)
    except engine.faults as error:
        raise engine.as_unavailable(error) or error from None
    finally:
        session.roll_back()
        session.close()
    ensure_not_too_new(done)
    return done.issuperset(each.number for each in known_migrations())


def alone(session: Session, work: Callable[[], T]) -> T:
    """Do work in a transaction under a lock: of many processes that start at once, one migrates."""
    session.begin_alone()
    try:
        result = work()
        session.commit()
    except BaseException:
        session.roll_back()
        raise
    return result


def missing_migrations(session: Session) -> list[Migration]:
    session.execute(LEDGER)
    done = applied_numbers(session)
    ensure_not_too_new(done)
    return [each for each in known_migrations() if each.number not in done]


def apply(session: Session, migration: Migration) -> bool:
    """Apply a migration, unless another process was faster. Returns whether it was applied here."""
    if migration.number in applied_numbers(session):
        return False
    for statement in statements_of(migration.script):
        session.execute(statement)
    session.execute("INSERT INTO migrations VALUES (?, ?)", (migration.number, migration.name))
    return True


def applied_numbers(session: Session) -> set[int]:
    return {number for (number,) in session.execute("SELECT number FROM migrations").fetchall()}


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
