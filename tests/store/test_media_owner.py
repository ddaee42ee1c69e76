"""Media belong to one database: another one beside them harms no file, and is refused at its start."""

import shutil

import pytest

from parlour.store.blobs import MARKER
from tests.commands import refused, run
from tests.files import PNG, files_in, names_in, upload, wait_until
from tests.servers import ACCOUNT_SID, AUTH_TOKEN

pytestmark = pytest.mark.embedded


def parlour(folder, *words):
    """A command that ends by itself; `serve` is expected to refuse."""
    preset = {"PARLOUR_ACCOUNT_SID": ACCOUNT_SID, "PARLOUR_AUTH_TOKEN": AUTH_TOKEN}
    return refused(folder, *words[1:], **preset) if words[0] == "serve" else run(folder, *words, **preset)


def keep_a_file(server):
    """The path of the content of a file that a message holds."""
    with server.api() as api:
        conversation = api.post("Conversations").json()
        service = f"Services/{conversation['chat_service_sid']}"
        sid = upload(api, service).json()["sid"]
        assert api.post(conversation["links"]["messages"], MediaSid=sid).status_code == 201
    return f"{service}/Media/{sid}/Content"


def content(server, path):
    with server.api() as api:
        return api.get(path).content


def logged(folder, event):
    return event in (folder / "errors.log").read_text()


@pytest.fixture
def other(databases):
    """The setting of a database that nobody has used yet, on a server."""
    storage = databases.make()
    yield storage.setting
    storage.remove()


@pytest.mark.long
def test_another_database_in_the_same_folder_removes_no_file_even_where_nothing_is_marked_yet(
    launch, tmp_path, other
):
    server = launch()
    path = keep_a_file(server)
    server.stop()
    # As versions before left it.
    (tmp_path / "parlour.db.media" / MARKER).unlink()
    before = files_in(tmp_path)
    mistaken = launch("--database", other, "--unattached-hours", "0")
    wait_until(lambda: logged(tmp_path, "media_without_rows files=1"))
    mistaken.stop()

    assert [each for each in files_in(tmp_path) if each.name != MARKER] == before
    ended = parlour(tmp_path, "serve")
    assert ended.returncode == 1
    assert "the media in parlour.db.media belong to the database DB" in ended.stderr
    # What it says is the way to go on.
    (tmp_path / "parlour.db.media" / MARKER).unlink()
    assert content(launch(), path) == PNG


def test_another_database_is_refused_and_nothing_is_made(launch, tmp_path, other):
    server = launch()
    path = keep_a_file(server)
    server.stop()
    before = names_in(tmp_path)
    mistyped = parlour(tmp_path, "serve", "--database", "new.db", "--media", "parlour.db.media")
    elsewhere = parlour(tmp_path, "serve", "--database", other)

    for ended in (mistyped, elsewhere):
        assert ended.returncode == 1
        assert "start with the database or the --media that was meant" in ended.stderr
        assert "TWILIO_AUTH_TOKEN" not in ended.stdout
    assert names_in(tmp_path) == before
    # Nor does a purge by hand touch it.
    assert parlour(tmp_path, "migrate", "--database", "new.db").returncode == 0
    purged = parlour(
        tmp_path,
        "purge",
        "--strays",
        "--yes",
        "--grace-days",
        "0",
        "--database",
        "new.db",
        "--media",
        "parlour.db.media",
    )
    assert (purged.returncode, purged.stdout) == (1, "")
    assert content(launch(), path) == PNG


@pytest.mark.long
def test_a_backup_that_is_put_back_leaves_the_files_of_what_came_later(launch, tmp_path):
    server = launch()
    with server.api() as api:
        api.post("Conversations")
    assert parlour(tmp_path, "backup", "copy.db").returncode == 0
    path = keep_a_file(server)
    server.stop()
    for name in ("parlour.db", "parlour.db-wal", "parlour.db-shm"):
        if (tmp_path / name).exists():
            (tmp_path / name).rename(tmp_path / f"later-{name}")
    shutil.copy(tmp_path / "copy.db", tmp_path / "parlour.db")
    # On its port it takes over the purge of the one before, without waiting for its lease to end.
    restored = launch("--unattached-hours", "0", "--port", server.url.rpartition(":")[2])
    wait_until(lambda: logged(tmp_path, "media_without_rows files=1"))
    restored.stop()
    shutil.copy(tmp_path / "later-parlour.db", tmp_path / "parlour.db")

    assert content(launch(), path) == PNG
