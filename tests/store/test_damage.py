"""Damage to the database file: refused at the start with a sentence, told truly where it is met later."""

import os
import sqlite3
import subprocess

import pytest

from parlour.store import sqlite_damage
from parlour.store.migrate import migrate
from parlour.store.sqlite import SQLite
from parlour.store.storage_errors import Damaged
from tests.servers import TIMEOUT_SECONDS, Api, ServerProcess, ServerThread

pytestmark = pytest.mark.embedded

PAGE = 4_096
MESSAGES = 400


class Logged:
    """What a module logs: the names of events, with their fields."""

    def __init__(self):
        self.events = []

    def info(self, event, **fields):
        self.events.append((event, fields))

    error = warning = info


@pytest.fixture
def logged(monkeypatch):
    logged = Logged()
    monkeypatch.setattr("parlour.store.health.log", logged)
    return logged.events


@pytest.fixture
def path(tmp_path, clock, storage):
    """A database file with a conversation of many messages, all of it in the file itself."""
    running = ServerThread(tmp_path, clock, storage)
    with Api(running.url) as api:
        room = api.post("Conversations", UniqueName="room").json()["links"]["messages"]
        for _ in range(MESSAGES // 4):
            api.post(room, Body="x" * 1_600)
    running.stop()
    path = tmp_path / "parlour.db"
    assert SQLite(path).truncate_log()
    return path


def pages_of(path, table):
    connection = sqlite3.connect(path)
    try:
        # The root says where the leaves are; the last ones that were added are at the end of the file.
        [(root,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
        [(count,)] = connection.execute("PRAGMA page_count")
    finally:
        connection.close()
    return root, count


def break_page(path, number):
    with path.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(b"\xff" * PAGE)


def break_leaf(path):
    break_page(path, pages_of(path, "messages")[1] - 2)


def break_root(path):
    break_page(path, pages_of(path, "messages")[0])


def cut_half(path):
    os.truncate(path, path.stat().st_size // 2 // PAGE * PAGE)


def cut_within_a_page(path):
    os.truncate(path, path.stat().st_size - 100)


def cut_to_the_first_page(path):
    os.truncate(path, PAGE)


def no_header(path):
    break_page(path, 1)


DAMAGES = [break_leaf, break_root, cut_half, cut_within_a_page, cut_to_the_first_page, no_header]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_found(path, damage):
    damage(path)

    with pytest.raises(Damaged, match="is damaged"):
        SQLite(path).ensure_whole()


def test_a_file_that_is_in_order_is_not_refused(path):
    SQLite(path).ensure_whole()


def test_a_large_file_is_not_read_whole(path, monkeypatch):
    break_leaf(path)
    monkeypatch.setattr(sqlite_damage, "MAX_CHECKED_BYTES", path.stat().st_size - 1)

    SQLite(path).ensure_whole()


def test_a_look_that_takes_too_long_is_ended_and_says_nothing(path, monkeypatch):
    monkeypatch.setattr(sqlite_damage, "CHECK_SECONDS", 0)

    SQLite(path).ensure_whole()


def test_damage_that_the_first_read_meets_is_told_as_later_damage_is(path, tmp_path, clock, storage, logged):
    running = ServerThread(tmp_path, clock, storage)
    cut_to_the_first_page(path)
    with Api(running.url) as api:
        answers = [api.get("Services"), api.request("GET", f"{running.url}/readyz"), api.get("Services")]
    running.stop()

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(503, 20503)] * 3
    assert [event for event, _ in logged] == ["storage_damaged"]


def test_a_damaged_database_is_not_backed_up(path, tmp_path):
    break_leaf(path)

    with pytest.raises(Damaged, match="is damaged"):
        SQLite(path).back_up(tmp_path / "copy.db")


@pytest.mark.parametrize("damage", [break_leaf, cut_half])
def test_a_server_is_not_started_with_a_damaged_file(path, tmp_path, damage):
    damage(path)
    ended = subprocess.run(
        [ServerProcess.PROGRAM, "serve", "--port", "0"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: the database parlour.db is damaged (")
    assert "put a backup in its place" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "parlour.db.key").exists()


def test_damage_that_is_met_later_is_503_told_once_and_the_server_is_not_ready(
    path, tmp_path, clock, storage, logged
):
    break_leaf(path)
    running = ServerThread(tmp_path, clock, storage)
    with Api(running.url) as api:
        before = api.request("GET", f"{running.url}/readyz")
        answers = [api.get("Conversations/room/Messages", PageSize=100, Order="desc") for _ in range(3)]
        good = api.get("Conversations/room")
        after = api.request("GET", f"{running.url}/readyz")
    running.stop()

    assert before.status_code == good.status_code == 200
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, 20503)] * 3
    assert (after.status_code, after.json()["code"]) == (503, 20503)
    assert [(event, fields["side"]) for event, fields in logged] == [("storage_damaged", "reads")]
    assert "malformed" in logged[0][1]["error"]


def test_a_write_that_meets_damage_is_503_too(path, tmp_path, clock, storage, logged):
    running = ServerThread(tmp_path, clock, storage)
    with Api(running.url) as api:
        break_leaf(path)
        answers = [api.delete("Conversations/room") for _ in range(2)]
        after = api.request("GET", f"{running.url}/readyz")
    running.stop()

    assert [answer.status_code for answer in answers] == [503, 503]
    assert after.status_code == 503
    assert [event for event, _ in logged] == ["storage_damaged"]


def test_a_read_that_fails_names_its_cause_once(running, api, room, logged):
    connection = sqlite3.connect(running.database.engine.path, isolation_level=None)
    connection.execute("ALTER TABLE participants RENAME TO gone")
    answers = [api.get(f"{room}/Participants") for _ in range(3)]
    connection.execute("ALTER TABLE gone RENAME TO participants")
    connection.close()
    good = api.get(f"{room}/Participants")

    assert [answer.status_code for answer in answers] == [503] * 3
    assert good.status_code == 200
    assert [event for event, _ in logged] == ["storage_unavailable", "storage_available"]
    assert logged[0][1] == {"side": "reads", "error": "no such table: participants"}


def test_commands_tell_of_damage_in_a_line(path, tmp_path):
    cut_half(path)
    for words in (["account", "list"], ["export", "all.jsonl"], ["backup", "copy.db"], ["migrate"]):
        ended = subprocess.run(
            [ServerProcess.PROGRAM, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 1
        assert "Error: the database cannot be used: database disk image is malformed. " in ended.stderr
        assert ended.stderr.endswith("and put a backup in its place\n")
    assert not list(tmp_path.glob("all.jsonl*")) + list(tmp_path.glob("copy.db*"))


def test_a_new_database_is_made_as_before(tmp_path):
    engine = SQLite(tmp_path / "new.db")

    assert not engine.exists()
    assert not (tmp_path / "new.db").exists()
    migrate(engine)
    assert engine.exists()
    engine.ensure_whole()
