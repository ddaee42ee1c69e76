"""`parlour backup`: a copy that was taken while the server wrote holds all that was acknowledged before."""

import shutil
import stat
import threading

import pytest

from tests.commands import run
from tests.store.test_crash import everything


def back_up(folder, name="copy.db"):
    return run(folder, "backup", name)


@pytest.mark.embedded
@pytest.mark.long
def test_a_backup_under_load_is_whole_and_starts_a_server(launch, tmp_path):
    server = launch()
    with server.api() as api:
        path = api.post("Conversations", UniqueName="room").json()["links"]["messages"]
        acknowledged, stop = [], threading.Event()

        def write():
            with server.api() as writer:
                while not stop.is_set():
                    acknowledged.append(writer.post(path, Body=str(len(acknowledged))).json()["sid"])

        thread = threading.Thread(target=write)
        thread.start()
        while len(acknowledged) < 50:
            stop.wait(0.01)
        before = list(acknowledged)
        done = back_up(tmp_path)
        stop.set()
        thread.join()
    server.stop()

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("wrote copy.db, ")
    assert sorted(each.name for each in tmp_path.glob("copy.db*")) == ["copy.db"]
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    shutil.copy(tmp_path / "parlour.db.key", tmp_path / "copy.db.key")
    restored = launch("--database", "copy.db")
    with restored.api() as api:
        stored = [message["sid"] for message in everything(api, "Conversations/room/Messages")]
        assert api.post("Conversations/room/Messages").json()["index"] == len(stored)
    assert set(before) <= set(stored) <= set(acknowledged)


@pytest.mark.embedded
def test_a_backup_takes_the_place_of_an_older_one(serve, tmp_path):
    server = serve()
    (tmp_path / "copy.db").write_text("older")
    assert back_up(tmp_path).returncode == 0
    server.stop()

    assert (tmp_path / "copy.db").read_bytes().startswith(b"SQLite format 3")


@pytest.mark.parametrize("storage", ["postgresql"], indirect=True)
def test_postgresql_is_backed_up_by_its_own_means(tmp_path, storage):
    done = back_up(tmp_path)

    assert done.returncode == 1
    assert "pg_dump" in done.stderr
    assert list(tmp_path.glob("copy*")) == []


def test_a_database_that_is_not_there_is_not_made(tmp_path):
    done = back_up(tmp_path)

    assert done.returncode == 1
    assert "there is no database" in done.stderr
    assert list(tmp_path.iterdir()) == []
