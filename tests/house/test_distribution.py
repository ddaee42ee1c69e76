"""What is said of tables that are spread over servers holds of the schema, and of every statement."""

import pytest

from parlour.store.distribution import (
    APART,
    BESIDE_CONVERSATIONS,
    DISTRIBUTED,
    FREED,
    REFERENCE,
    distributing_statements,
    lacks_its_key,
)
from parlour.store.dump import tables
from tests.commands import run
from tests.storages import OnServer

UNIQUE = """SELECT i.indrelid::regclass::text, array_agg(a.attname)
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indisunique AND i.indrelid::regclass::text = ANY (?) GROUP BY i.indexrelid, i.indrelid"""
FOREIGN = """SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND conrelid::regclass::text = ANY (?)"""

on_postgresql = pytest.mark.parametrize("storage", ["postgresql"], indirect=True)


@pytest.fixture
def session(storage):
    session = storage.engine().open()
    session.begin()
    yield session
    session.roll_back()
    session.close()


def test_every_table_has_its_place():
    assert sorted([*DISTRIBUTED, *REFERENCE]) == sorted(tables())


@on_postgresql
def test_every_unique_key_of_a_table_that_is_distributed_holds_its_column(session):
    found = session.execute(UNIQUE, ([*DISTRIBUTED],)).fetchall()

    assert {table for table, _ in found} == set(DISTRIBUTED)
    assert [table for table, columns in found if DISTRIBUTED[table] not in columns] == []


@on_postgresql
def test_a_foreign_key_leads_to_the_same_server_or_to_every_one(session):
    for table, to in session.execute(FOREIGN, (list(tables()),)).fetchall():
        if table in FREED or to in REFERENCE:
            continue
        assert table in BESIDE_CONVERSATIONS
        assert to in {"conversations", *BESIDE_CONVERSATIONS}


@pytest.mark.parametrize(
    ("statement", "lacks"),
    [
        ("SELECT body FROM messages WHERE sid = ?", True),
        ("SELECT body FROM messages WHERE conversation_sid = ? AND sid = ?", False),
        ('UPDATE conversations SET "state" = ? WHERE "sid" = ?', False),
        ("UPDATE conversations SET state = ? WHERE account_sid = ?", True),
        ("DELETE FROM address_holders WHERE conversation_sid = ?", True),
        ("INSERT INTO messages (sid) VALUES (?)", False),
        ("SELECT sid FROM accounts", False),
        ("SELECT m.sid FROM services s JOIN messages m ON TRUE", True),
    ],
)
def test_a_statement_that_looks_everywhere_is_known(statement, lacks):
    assert lacks_its_key(statement) == lacks


def test_what_it_would_do_can_be_read(tmp_path):
    done = run(tmp_path, "db", "distribute", "--dry-run")

    assert done.stdout == "".join(f"{each};\n" for each in distributing_statements())
    for table in DISTRIBUTED:
        assert f"create_distributed_table('{table}', '{DISTRIBUTED[table]}'" in done.stdout
    assert {
        table for table in APART if f"'{table}', '{APART[table]}', colocate_with => 'none'" in done.stdout
    }


def test_what_is_done_is_not_done_again():
    whole, rest = list(distributing_statements()), list(distributing_statements(set(tables()) - {"media"}))

    assert [each for each in rest if "create_" in each] == [each for each in whole if "'media'" in each][-1:]
    assert list(distributing_statements(tables())) == []


@pytest.mark.both_engines
def test_it_is_done_on_a_cluster_and_elsewhere_it_says_why_not(tmp_path, storage):
    assert run(tmp_path, "migrate").returncode == 0
    # As an older version left it: what a migration adds to a cluster is spread with it.
    session = storage.plain_engine().open()
    session.begin()
    session.execute("DROP TABLE duties")
    session.execute("DELETE FROM migrations WHERE name LIKE '%_duties.sql'")
    session.commit()
    session.close()
    assert run(tmp_path, "migrate").returncode == 0
    done = run(tmp_path, "db", "distribute")

    if is_on_a_cluster(storage):
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    else:
        assert done.returncode == 1
        assert "extension citus" in done.stderr


def is_on_a_cluster(storage):
    return storage.kind == OnServer.kind and not storage.engine().combines
