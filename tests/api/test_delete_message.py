"""DELETE …/Messages/{Sid}."""

import pytest

pytestmark = pytest.mark.core


def test_a_deleted_message_is_gone_at_once_and_for_good(api, room):
    kept, gone = (api.post(f"{room}/Messages", Body=str(n)).json() for n in range(2))
    answer = api.delete(gone["url"])

    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(gone["url"]).status_code == 404
    assert api.get(gone["links"]["delivery_receipts"]).status_code == 404
    assert api.get(gone["links"]["channel_metadata"]).json()["code"] == 20404
    assert api.get(f"{room}/Messages").json()["messages"] == [kept]


def test_a_second_delete_finds_nothing(api, room):
    message = api.post(f"{room}/Messages").json()
    api.delete(message["url"])
    answer = api.delete(message["url"])

    assert (answer.status_code, answer.json()["code"]) == (404, 20404)


def test_a_closed_conversation_still_gives_up_its_messages(api, room):
    message = api.post(f"{room}/Messages").json()
    api.post(room, State="closed")

    assert api.delete(message["url"]).status_code == 204


@pytest.mark.embedded
def test_a_deleted_text_is_not_left_in_the_database_file(api, room, running, tmp_path):
    message = api.post(f"{room}/Messages", Body="burn after reading").json()
    api.delete(message["url"])
    running.in_database(lambda tx: tx.select("SELECT 1"))
    with running.database.engine.connect() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()

    assert not any(
        b"burn after reading" in file.read_bytes() for file in tmp_path.iterdir() if file.is_file()
    )
