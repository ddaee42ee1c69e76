"""`kill -9` in the middle of a deletion: it goes on after the restart, and nobody sees what is left."""

import pytest

from tests.files import wait_until

pytestmark = pytest.mark.both_engines

MESSAGES = 20_000


def fill(storage, sid):
    """Copy the conversation's only message."""
    copied = [column for column in columns(storage) if column not in {"index", "sid"}]
    names = ", ".join(copied)
    numbers = f"WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {MESSAGES})"
    in_storage(
        storage,
        f'{numbers} INSERT INTO messages ("index", sid, {names})'
        f" SELECT n.n, 'IM' || n.n, {names} FROM n JOIN messages ON conversation_sid = '{sid}'",
    )


def columns(storage):
    session = storage.plain_engine().open()
    try:
        return [column[0] for column in session.execute("SELECT * FROM messages LIMIT 0").description]
    finally:
        session.close()


def in_storage(storage, sql):
    session = storage.plain_engine().open()
    try:
        session.begin()
        rows = session.execute(sql).fetchall()
        session.commit()
    finally:
        session.close()
    return rows


def left(storage):
    return in_storage(storage, "SELECT COUNT(*) FROM messages")[0][0]


@pytest.mark.long
def test_a_deletion_goes_on_after_kill_9(launch, storage):
    server = launch()
    port = server.url.rpartition(":")[2]
    with server.api() as api:
        made = api.post("Conversations", UniqueName="lobby").json()
        api.post(made["links"]["messages"], Body="Hello")
        fill(storage, made["sid"])
        assert len(api.get(made["links"]["messages"]).json()["messages"]) == 50
        assert api.delete(made["url"]).status_code == 204
        wait_until(lambda: left(storage) < MESSAGES)
        server.crash()
    assert 0 < left(storage) < MESSAGES

    server = launch("--port", port)
    with server.api() as api:
        assert api.get("Conversations/lobby").status_code == 404
        assert api.get(made["links"]["messages"]).status_code == 404
        assert api.get("Conversations").json()["conversations"] == []
        assert api.post("Conversations", UniqueName="lobby").status_code == 201
        wait_until(lambda: left(storage) == 0)
        wait_until(lambda: len(in_storage(storage, "SELECT sid FROM conversations")) == 1)
