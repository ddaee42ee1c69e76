"""Texts are readable by the server's user only, whatever the umask; and no reader holds writers up."""

import os
import stat
import threading

import pytest

from parlour.store.sqlite import TRUNCATE_MILLISECONDS, TRUNCATE_TRIES, SQLite
from tests.commands import run
from tests.files import upload

pytestmark = pytest.mark.embedded


@pytest.fixture
def lax_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_every_file_with_texts_is_readable_by_its_owner_only(launch, tmp_path, lax_umask):
    server = launch()
    with server.api() as api:
        service = f"Services/{api.post('Services', FriendlyName='Support').json()['sid']}"
        assert upload(api, service).status_code == 201
        for words in (["backup", "copy.db"], ["export", "lines.jsonl"]):
            assert run(tmp_path, *words).returncode == 0
        found = {path.name: mode_of(path) for path in tmp_path.iterdir() if path.name != "errors.log"}

    assert found == {
        "parlour.db": 0o600,
        "parlour.db-wal": 0o600,
        "parlour.db-shm": 0o600,
        "parlour.db.key": 0o600,
        "parlour.db.media": 0o700,
        "copy.db": 0o600,
        "lines.jsonl": 0o600,
    }


@pytest.mark.long
def test_a_database_that_others_may_read_stays_usable_and_as_it_is(launch, tmp_path, lax_umask):
    launch().stop()
    (tmp_path / "parlour.db").chmod(0o644)
    with launch().api() as api:
        assert api.post("Conversations").status_code == 201
    assert mode_of(tmp_path / "parlour.db") == 0o644


def test_while_somebody_reads_for_long_the_log_is_left_alone_and_nobody_waits(running, tmp_path):
    engine = running.storage.plain_engine()
    reader, writer = engine.open_snapshot(), engine.open()
    reader.begin()
    reader.execute("SELECT COUNT(*) FROM accounts").fetchall()
    for _ in range(2):
        writer.begin()
        writer.execute("UPDATE accounts SET friendly_name = 'x'")
        writer.commit()
    # One that waits no longer than a whole truncation may take.
    patience = TRUNCATE_MILLISECONDS * TRUNCATE_TRIES
    writer.execute(f"PRAGMA busy_timeout = {patience}")
    emptied = []
    thread = threading.Thread(target=lambda: emptied.append(SQLite(engine.path).truncate_log()))
    thread.start()
    while thread.is_alive():
        writer.begin()
        writer.commit()
    thread.join()
    assert emptied == [False]

    reader.roll_back()
    assert engine.truncate_log()
    assert (tmp_path / "parlour.db-wal").stat().st_size == 0
    for session in (reader, writer):
        session.close()
