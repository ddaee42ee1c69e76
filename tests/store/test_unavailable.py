"""A storage that fails: callers are told 503, nothing is half there, and service resumes by itself."""

import importlib
import sqlite3

import pytest

from parlour.store import sqlite
from parlour.store.sqlite import SQLite
from tests.servers import Api, ServerThread

# The schema takes some 75 of them.
PAGES = 120


class SmallDisk(SQLite):
    """An engine whose file may grow only so far, as on a full disk."""

    def connect(self, *, read_only=False):
        connection = super().connect(read_only=read_only)
        connection.execute(f"PRAGMA max_page_count = {PAGES}")
        return connection


@pytest.fixture
def small(monkeypatch, tmp_path, clock, storage):
    monkeypatch.setattr(storage, "engine", lambda: SmallDisk(tmp_path / "parlour.db"))
    running = ServerThread(tmp_path, clock, storage)
    with Api(running.url) as api:
        yield api
    running.stop()


@pytest.mark.embedded
def test_on_a_full_disk_writes_are_refused_reads_go_on_and_room_made_is_used(small):
    room = "Conversations/" + small.post("Conversations").json()["sid"]
    kept = []
    while (answer := small.post(f"{room}/Messages", Body="x" * 1_600)).status_code == 201:
        kept.append(answer.json())
    listed = small.get(f"{room}/Messages", PageSize=100).json()["messages"]

    not_ready = small.request("GET", f"{small.url}/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, 20503)
    assert (not_ready.status_code, not_ready.json()["code"]) == (503, 20503)
    assert len(kept) > 10
    assert listed == kept[:100]
    assert small.delete(kept[0]["url"]).status_code == 204
    assert small.delete(kept[1]["url"]).status_code == 204
    assert small.post(f"{room}/Messages", Body="short").json()["index"] == len(kept)
    assert small.request("GET", f"{small.url}/readyz").status_code == 200


@pytest.mark.embedded
def test_while_another_process_holds_the_file_writes_are_refused_and_then_go_on(monkeypatch, start):
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    monkeypatch.setattr(sqlite, "LOCK_TRIES", 50)
    running = start()
    with Api(running.url) as api:
        room = "Conversations/" + api.post("Conversations").json()["sid"]
        other = sqlite3.connect(running.database.engine.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        refused = api.post(f"{room}/Messages", Body="lost?")
        not_ready = api.request("GET", f"{running.url}/readyz")
        read = api.get(f"{room}/Messages")
        other.execute("ROLLBACK")
        other.close()
        taken = api.post(f"{room}/Messages", Body="taken")
        ready = api.request("GET", f"{running.url}/readyz")

    assert (refused.status_code, refused.json()["code"]) == (503, 20503)
    assert (not_ready.status_code, not_ready.json()["code"]) == (503, 20503)
    assert read.status_code == 200
    assert (taken.status_code, taken.json()["index"]) == (201, 0)
    assert ready.status_code == 200


def test_a_fault_of_ours_tells_nothing_of_us(monkeypatch, api, room):
    def fail(*_):
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr(importlib.import_module("parlour.resources.messages"), "find_author", fail)
    answer = api.post(f"{room}/Messages", Body="the body")
    monkeypatch.undo()

    assert answer.status_code == 500
    assert answer.json() == {
        "code": 20500,
        "message": "Internal Server Error",
        "more_info": "https://www.twilio.com/docs/errors/20500",
        "status": 500,
    }
    assert api.post(f"{room}/Messages", Body="again").json()["index"] == 0
