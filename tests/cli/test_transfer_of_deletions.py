"""`parlour export` leaves out what is being deleted, and `parlour import` first finishes what is."""

import json

import pytest

from tests.cli.test_transfer import everything, fill, parlour


@pytest.mark.both_engines
def test_what_was_deleted_and_is_not_removed_yet_is_not_exported(
    tmp_path, running, api, service, monkeypatch
):
    monkeypatch.setattr("parlour.resources.deletions.STEP_ROWS", 1)
    room, kept = fill(api), fill_more(api, service)
    parlour(tmp_path, "export", "before.jsonl", PARLOUR_DATABASE=running.storage.setting)
    before = everything(api, room)
    api.delete(room)
    other = api.post("Services", FriendlyName="Other").json()["sid"]
    fill_more(api, f"Services/{other}")
    api.delete(f"Services/{other}")
    media = upload_and_send(api, service, kept)
    api.delete(f"{api.url}{media['url']}")
    exported = parlour(tmp_path, "export", "all.jsonl", PARLOUR_DATABASE=running.storage.setting)
    assert exported.returncode == 0, exported.stderr
    # Without the first line and the last, which are no rows.
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()][1:-1]
    gone = {room.rpartition("/")[2], other}

    names = ("sid", "conversation_sid", "channel_sid", "chat_service_sid")
    of_gone = [line for line in lines if not gone.isdisjoint(map(line["row"].get, names))]
    # But files, which are to be removed wherever they are taken, and what is still to be told.
    assert {line["table"] for line in of_gone} <= {"media", "webhook_lanes", "webhook_deliveries"}
    assert kept.rpartition("/")[2] in {line["row"].get("sid") for line in lines}
    for line in lines:
        if line["table"] == "media":
            assert line["row"]["date_deleted"] is not None

    # What was there before is imported as it was, though its SIDs are those of what is being removed.
    imported = parlour(tmp_path, "import", "before.jsonl", PARLOUR_DATABASE=running.storage.setting)
    assert imported.returncode == 0, imported.stderr
    assert everything(api, room)[f"{room}/Messages"] == before[f"{room}/Messages"]


def fill_more(api, service):
    room = f"{service}/Conversations/" + api.post(f"{service}/Conversations").json()["sid"]
    for _ in range(3):
        api.post(f"{room}/Messages", Body="Hello")
    return room


def upload_and_send(api, service, room):
    path = f"{service}/Media"
    media = api.request("POST", path, data=b"a cat", headers={"Content-Type": "image/png"}).json()
    api.post(f"{room}/Messages", MediaSid=media["sid"])
    return media
