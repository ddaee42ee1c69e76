"""`parlour purge`: what was deleted is not on the disk any more, whatever file is searched."""

import os
import time

import pytest

from parlour.errors import SERVICE_UNAVAILABLE
from parlour.resources.purge import Purger, RetentionPolicy
from tests.commands import refused, run, run_process
from tests.files import PNG, files_in, upload, wait_until
from tests.servers import ACCOUNT_SID

SECRETS = ("burn after reading", "whisper-name", "whisper-file", "whisper-bytes", "whisper-author")


def holders(folder, text):
    """The files below the folder that hold the text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if text.encode() in path.read_bytes() or text in path.name]


def tell_secrets(api):
    conversation = api.post("Conversations", FriendlyName="whisper-name").json()
    service = f"Services/{conversation['chat_service_sid']}"
    kept = api.post("Conversations", FriendlyName="kept name").json()
    for room in (conversation, kept):
        media = upload(
            api, service, b"whisper-bytes" * 9_999, Filename="whisper-file", Author="whisper-author"
        ).json()
        url = f"{room['url']}/Messages"
        message = api.post(url, Body="burn after reading " * 80, MediaSid=media["sid"]).json()
    api.post(message["url"], Body="it was edited")
    return conversation, message


@pytest.mark.embedded
def test_what_was_deleted_is_in_no_file(launch, tmp_path):
    server = launch("--log-level", "debug")
    with server.api() as api:
        conversation, message = tell_secrets(api)
        assert all(holders(tmp_path, secret) for secret in SECRETS)
        api.delete(conversation["url"])
        api.delete(message["url"])
        ended = run_process(tmp_path, "purge")

        assert (ended.returncode, ended.stdout) == (0, "removed 2 media\n")
        assert {secret: holders(tmp_path, secret) for secret in SECRETS} == {secret: [] for secret in SECRETS}
        assert holders(tmp_path, "kept name")
        assert api.get("Conversations").status_code == 200


def test_a_deleted_account_is_gone_at_once_and_then_from_every_file(serve, tmp_path):
    server = serve()
    with server.api() as api:
        tell_secrets(api)
        api.request(
            "POST", "Content", json={"language": "en", "types": {"twilio/text": {"body": "whisper-body"}}}
        )
        assert run(tmp_path, "account", "delete", ACCOUNT_SID).returncode == 1
        ended = run(tmp_path, "account", "delete", ACCOUNT_SID, "--yes")
        assert (ended.returncode, ended.stdout) == (0, f"deleted {ACCOUNT_SID}\n")

        assert api.get("Conversations").status_code in (401, 404)
    run(tmp_path, "purge")
    gone = (*SECRETS, "whisper-body", "kept name")
    assert {secret: holders(tmp_path, secret) for secret in gone} == {secret: [] for secret in gone}
    assert "there is no account" in run(tmp_path, "account", "delete", ACCOUNT_SID, "--yes").stderr


def add_strays(folder, *, days):
    """Files without a row, finished and not, that were stored so many days ago."""
    strays = [folder / f"ME{'a' * 30}{folder.name}", folder / f"ME{'b' * 30}{folder.name}#1"]
    for path in strays:
        path.write_text("x")
        os.utime(path, (time.time() - days * 86_400,) * 2)
    return strays


def test_bytes_without_a_row_are_counted_and_stay(running, api, service, tmp_path):
    media = upload(api, service).json()
    folder = files_in(tmp_path)[0].parent
    foreign = [folder.parent / "notes.txt", folder / "README"]
    for path in foreign:
        path.write_text("x")
    strays = add_strays(folder, days=100)

    assert running.purge().strays == 2
    assert files_in(tmp_path) == sorted([folder / media["sid"], *strays, *foreign])


def test_an_operator_removes_files_without_a_row_after_a_question_and_a_grace_period(serve, tmp_path):
    server = serve()
    with server.api() as api:
        service = f"Services/{api.post('Conversations').json()['chat_service_sid']}"
        kept = upload(api, service).json()["sid"]
    [file] = [path for path in files_in(tmp_path) if path.name == kept]
    before = files_in(tmp_path)
    old = add_strays(file.parent, days=8)
    counted = run(tmp_path, "purge")
    asked = run(tmp_path, "purge", "--strays")
    spared = run(tmp_path, "purge", "--strays", "--yes", "--grace-days", "9")

    assert "left 2 files without a row" in counted.stdout
    assert asked.returncode == 1
    assert "They cannot be brought back" in asked.stdout
    assert "0 files without a row" in spared.stdout
    assert files_in(tmp_path) == sorted([*before, *old])

    done = run(tmp_path, "purge", "--strays", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("removed 2 files without a row\n")
    assert files_in(tmp_path) == before


def test_a_purge_may_be_repeated_and_finds_nothing_more(running, api, service):
    upload(api, service)
    assert running.purge(unattached_hours=0)[:2] == (1, 0)
    assert running.purge(unattached_hours=0)[:2] == (0, 0)


def test_an_upload_under_way_when_it_expires_is_refused_and_leaves_nothing(running, api, service, tmp_path):
    def chunks():
        yield PNG
        # The row comes before the first byte is kept; a purge before that would find nothing to expire.
        wait_until(lambda: running.in_database(lambda tx: tx.select("SELECT sid FROM media")))
        running.purge(unattached_hours=0)
        yield PNG

    answer = api.request("POST", f"{service}/Media", data=chunks())

    assert answer.status_code in (404, 503)
    assert files_in(tmp_path) == running.in_database(lambda tx: tx.select("SELECT * FROM media")) == []


@pytest.mark.parametrize(
    ("option", "value", "bounds"),
    [("--purge-days", "31", "0 to 30 days"), ("--unattached-hours", "-1", "0 to ")],
)
def test_times_that_cannot_be_meant_are_refused(tmp_path, option, value, bounds):
    for ended in (run(tmp_path, "purge", option, value), refused(tmp_path, option, value)):
        assert ended.returncode == 1
        assert f"{option} must be {bounds}" in ended.stderr


@pytest.mark.parametrize("place", ["ftp://example.org/x", "s3:/bucket"])
def test_a_place_for_media_that_cannot_be_used_is_told(tmp_path, place):
    run(tmp_path, "migrate")
    ended = run(tmp_path, "purge", "--media", place)

    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: ")
    assert place in ended.stderr


def test_the_servers_own_purger_goes_on_when_one_purge_fails(running, api, service, tmp_path, monkeypatch):
    upload(api, service)
    deleting = running.blobs.delete
    failed = []

    async def fail_once(names):
        if not failed:
            failed.append(names)
            raise SERVICE_UNAVAILABLE()
        await deleting(names)

    monkeypatch.setattr(running.blobs, "delete", fail_once)
    monkeypatch.setattr("parlour.resources.purge.EVERY_SECONDS", 0.01)
    with Purger(running.database, running.blobs, RetentionPolicy(0, 0), "test"):
        wait_until(lambda: files_in(tmp_path) == [])
    assert len(failed) == 1


def test_more_uploads_than_fit_into_a_step_go_in_one_purge_and_fresh_ones_stay(
    running, api, service, clock, monkeypatch, tmp_path
):
    monkeypatch.setattr("parlour.resources.purge.ROWS_AT_ONCE", 3)
    for _ in range(7):
        upload(api, service)
    clock.advance(hours=24)
    fresh = upload(api, service).json()

    assert running.purge().media == 7
    assert [path.name for path in files_in(tmp_path)] == [fresh["sid"]]


def test_deleted_media_that_are_kept_for_some_days_and_uploads_that_are_not_go_each_in_time(
    running, api, service, clock, tmp_path
):
    attached, unsent = (upload(api, service).json()["sid"] for _ in range(2))
    room = api.post(f"{service}/Conversations").json()["links"]["messages"]
    message = api.post(room, MediaSid=attached).json()
    api.delete(message["url"])

    assert running.purge(unattached_hours=0, purge_days=1).media == 1
    assert [path.name for path in files_in(tmp_path)] == [attached]
    clock.advance(days=1)
    assert running.purge(purge_days=1).media == 1
    assert unsent != attached
    assert files_in(tmp_path) == []
