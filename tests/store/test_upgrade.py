"""An upgrade while the old program still runs: it goes on with a schema that was added to."""

import pytest

from tests.store.test_crash import everything

pytestmark = pytest.mark.both_engines

# What a migration may do, by the rule in docs/running.md: new tables, and new columns that need no value.
ADDED = (
    "ALTER TABLE messages ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'",
    "ALTER TABLE conversations ADD COLUMN mood TEXT",
    "CREATE TABLE moods (sid TEXT PRIMARY KEY, conversation_sid TEXT NOT NULL)",
    "CREATE INDEX messages_by_colour ON messages (conversation_sid, colour)",
)


def test_the_old_program_goes_on_beside_the_new_schema(launch, storage):
    server = launch()
    with server.api() as api:
        room = api.post("Conversations", UniqueName="room").json()
        messages = [api.post(room["links"]["messages"], Body="before").json() for _ in range(3)]
        session = storage.engine().open()
        session.begin()
        for statement in ADDED:
            session.execute(statement)
        session.commit()
        session.close()
        messages += [api.post(room["links"]["messages"], Body="after").json() for _ in range(3)]
        assert api.post(messages[0]["url"], Body="edited").status_code == 200
        assert api.delete(messages[1]["url"]).status_code == 204
        assert api.post(room["url"], FriendlyName="Room").status_code == 200
        found = everything(api, room["links"]["messages"])

    assert [message["index"] for message in found] == [0, 2, 3, 4, 5]
    assert found[1:] == messages[2:]
