"""Tables and declarations agree, and every statement on a conversation's children names the conversation."""

import re

import pytest

from parlour import resources
from parlour.resources.accounts import Account, ApiKey
from parlour.resources.content_lists import ContentAndApproval, LegacyContent
from parlour.resources.deletions import PARTS_OF_CONVERSATION
from parlour.resources.media import MediaSet
from parlour.store import statements
from parlour.store.distribution import BESIDE_CONVERSATIONS
from parlour.store.migrate import migrate
from parlour.store.row_texts import JSON_COLUMNS
from parlour.store.sqlite import SQLite
from parlour.store.tombstones import finds_deleted
from parlour.wire.resource import fields_of
from tests.servers import Api, ServerThread

# A media set has no row: it is an answer about many media at once.
# They show rows of other resources.
WITHOUT_ROWS = {ContentAndApproval, LegacyContent, MediaSet}
KINDS = [each.resource for each in resources.ALL if each.resource not in WITHOUT_ROWS]
CHILDREN = tuple(BESIDE_CONVERSATIONS)
# They are still needed when their conversation is gone: they tell of its end, too.
OUTLIVE = {"webhook_lanes", "webhook_deliveries"}


@pytest.fixture
def connection(tmp_path):
    engine = SQLite(tmp_path / "schema.db")
    migrate(engine)
    connection = engine.connect()
    yield connection
    connection.close()


def columns(connection, table):
    return connection.execute(f"PRAGMA table_info({table})").fetchall()


@pytest.mark.parametrize("kind", [*KINDS, Account, ApiKey], ids=lambda kind: kind.__name__)
def test_every_field_has_its_column_and_every_column_its_field(connection, kind):
    declared = {f.name for f in fields_of(kind)} if kind in KINDS else set(kind.__struct_fields__)

    assert {name for _, name, *_ in columns(connection, kind.table)} == declared


def test_columns_are_of_the_two_types_that_every_engine_treats_alike(connection):
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    types = {column[2] for table in tables for column in columns(connection, table)}

    assert types == {"TEXT", "BIGINT"}


@pytest.mark.parametrize("table", CHILDREN)
def test_a_childs_key_begins_with_its_conversation(connection, table):
    keyed = {place: name for _, name, _, _, _, place in columns(connection, table) if place}

    assert keyed[1] == "conversation_sid"


def test_whatever_lies_beside_a_conversation_goes_with_it_and_in_steps(connection):
    def refers(table):
        return "conversations" in {row[2] for row in connection.execute(f"PRAGMA foreign_key_list({table})")}

    assert {table for table in CHILDREN if not refers(table)} <= OUTLIVE | {
        "delivery_receipts",
        "expected_reports",
    }
    assert set(CHILDREN) - {part.table for part in PARTS_OF_CONVERSATION} == {"webhook_deliveries"}


class Recorder(SQLite):
    """The engine, with a note of every statement that it is given."""

    def __init__(self, path):
        super().__init__(path)
        self.statements = []

    def connect(self, *, read_only=False):
        connection = super().connect(read_only=read_only)
        connection.set_trace_callback(self.statements.append)
        return connection


def use_everything(api):
    for prefix in ("", "Services/" + api.post("Services", FriendlyName="Support").json()["sid"] + "/"):
        room = f"{prefix}Conversations/" + api.post(f"{prefix}Conversations").json()["sid"]
        api.post(f"{room}/Participants", Identity="alice")
        binding = {
            "MessagingBinding.Address": "+15550100001",
            "MessagingBinding.ProxyAddress": "+15550100002",
        }
        api.post(f"{room}/Participants", binding)
        message = api.post(f"{room}/Messages", Author="+15550100001", Body="Hi").json()
        for path in (f"{room}/Participants", f"{room}/Messages?Order=desc", *message["links"].values()):
            api.get(path)
        for url in (message["url"], f"{room}/Participants/alice"):
            api.get(url)
            assert api.post(url, Attributes="[]").status_code == 200
            assert api.delete(url).status_code == 204
        api.post(room, State="closed")
        api.delete(room)


@pytest.mark.embedded
def test_every_statement_on_a_conversations_children_names_the_conversation(
    monkeypatch, tmp_path, clock, storage
):
    monkeypatch.setattr(storage, "engine", lambda: Recorder(tmp_path / "parlour.db"))
    running = ServerThread(tmp_path, clock, storage)
    try:
        with Api(running.url) as api:
            use_everything(api)
    finally:
        running.stop()
    pattern = re.compile(rf"\b(?:FROM|UPDATE|INTO)\s+({'|'.join(CHILDREN)})\b")
    found = [each for each in running.database.engine.statements if pattern.search(each)]

    # Nobody listens here, so there are no deliveries.
    assert {pattern.search(each)[1] for each in found} == set(CHILDREN) - {"webhook_deliveries"}
    for each in found:
        assert re.search(r'"?conversation_sid"? =', each) or each.startswith("INSERT"), each


def test_columns_of_json_are_known_as_such():
    """Import looks into them: a NUL in JSON is an escape (store/row_texts.py)."""
    declared = {
        f.name for kind in KINDS for f in fields_of(kind) if f.type.schema.get("type") in ("array", "object")
    }

    assert declared | {"reports"} == JSON_COLUMNS


@pytest.mark.parametrize(
    ("statement", "finds"),
    [
        ("SELECT friendly_name FROM accounts WHERE sid = ?", True),
        ("SELECT friendly_name FROM accounts WHERE sid = ? AND date_deleted IS NULL", False),
        ("SELECT m.sid FROM messages m JOIN conversations c ON c.sid = m.conversation_sid", True),
        ("SELECT sid FROM conversations WHERE sid = ? FOR UPDATE", False),
        ("SELECT body FROM messages WHERE conversation_sid = ?", False),
    ],
)
def test_a_statement_that_finds_what_was_deleted_is_known(statement, finds):
    assert finds_deleted(statement) == finds


@pytest.mark.parametrize("kind", [*KINDS, Account, ApiKey], ids=lambda kind: kind.__name__)
def test_whatever_may_have_a_tombstone_is_hidden_by_it_in_every_statement_that_finds_rows(kind):
    built = [
        statements.select_one(kind, ("sid",), statements.LOCK),
        statements.select_some(kind, statements.LOCK),
        statements.select_all(kind, ("sid",)),
        statements.select_page(kind, (("sid", "="),), ("sid",), ">=", descending=True, columns=("sid",)),
    ]
    hidden = f"COALESCE({kind.table}.date_deleted, 0) < 1"

    assert kind.tombstone == (kind.table in {"conversations", "services", "accounts"})
    for statement in built:
        assert (hidden in statement) == kind.tombstone
        for table, column in kind.owners.items():
            found = f"FROM {table} AS owner WHERE owner.sid = {kind.table}.{column} AND owner.date_deleted IS"
            assert found in " ".join(statement.split())


def test_quoted_names_keep_keywords_harmless():
    assert statements.quoted(["index", "sid"]) == '"index", "sid"'
