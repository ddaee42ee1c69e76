"""Migrations: each is applied once, whole or not at all, however many start at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from parlour.store import migrate as migrations
from parlour.store.migrate import DatabaseTooNew, Migration, known_migrations, migrate, statements_of
from parlour.store.sqlite import SQLite


@pytest.fixture
def engine(tmp_path):
    return SQLite(tmp_path / "parlour.db")


def tables(engine):
    connection = engine.connect()
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    return names


def test_they_are_applied_once(engine):
    names = [migration.name for migration in known_migrations()]

    assert migrate(engine) == names
    assert migrate(engine) == []
    assert "messages" in tables(engine)


def test_their_numbers_are_their_places():
    assert [migration.number for migration in known_migrations()] == list(
        range(1, len(known_migrations()) + 1)
    )


def test_of_many_who_start_at_once_one_applies_each(engine):
    with ThreadPoolExecutor(8) as pool:
        applied = list(pool.map(lambda _: migrate(engine), range(8)))

    assert sorted(name for names in applied for name in names) == [m.name for m in known_migrations()]


def test_one_that_fails_leaves_nothing_and_can_be_tried_again(engine, monkeypatch):
    whole = "CREATE TABLE first (a TEXT);\nCREATE TABLE second (b TEXT);\n"
    for script, error in ((whole.replace("b TEXT", "b b b,,"), True), (whole, False)):
        monkeypatch.setattr(
            migrations, "known_migrations", lambda s=script: [Migration(1, "0001_two.sql", s)]
        )
        if error:
            with pytest.raises(Exception, match="syntax error"):
                migrate(engine)
            assert tables(engine) == {"migrations"}
        else:
            assert migrate(engine) == ["0001_two.sql"]
    assert tables(engine) == {"migrations", "first", "second"}


def test_a_newer_database_is_left_alone(engine):
    migrate(engine)
    connection = engine.connect()
    connection.execute("INSERT INTO migrations VALUES (9999, '9999_future.sql')")
    connection.close()

    with pytest.raises(DatabaseTooNew):
        migrate(engine)


def test_statements_are_told_apart_by_their_ends():
    script = (
        "CREATE TABLE a (b TEXT);\n-- a; remark\nCREATE TABLE c (\n  d TEXT DEFAULT ';'\n);\nDROP TABLE a\n"
    )
    ends = [each.strip().splitlines()[-1] for each in statements_of(script)]

    assert ends == ["CREATE TABLE a (b TEXT);", ");", "DROP TABLE a"]
