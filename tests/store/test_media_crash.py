"""`kill -9` during uploads: no message points to missing bytes, and after the sweep no bytes lack a row."""

import hashlib
import sqlite3
import subprocess
import threading

import pytest
import requests

from tests.files import files_in, upload, wait_until
from tests.servers import TIMEOUT_SECONDS, ServerProcess

UPLOADERS = 6
SIZES = (100, 70_000, 6 * 1_048_576)


def bytes_of(uploader, number):
    return hashlib.sha256(f"{uploader}/{number}".encode()).digest() * (SIZES[number % 3] // 32)


class Uploaders:
    """Clients that upload and send until the server is gone, and remember what it acknowledged."""

    def __init__(self, server, service, room, kill_after):
        self.acknowledged = []
        self._server, self._service, self._room, self._kill_after = server, service, room, kill_after
        self._enough = threading.Event()

    def run(self):
        threads = [threading.Thread(target=self._upload, args=(n,)) for n in range(UPLOADERS)]
        for thread in threads:
            thread.start()
        assert self._enough.wait(TIMEOUT_SECONDS)
        self._server.kill()
        for thread in threads:
            thread.join()

    def _upload(self, uploader):
        with self._server.api() as api:
            for number in range(1_000):
                try:
                    data = bytes_of(uploader, number)
                    media = upload(api, self._service, data, Filename=f"{uploader}/{number}").json()
                    answer = api.post(f"{self._room}/Messages", MediaSid=media["sid"])
                except requests.RequestException:
                    return
                assert answer.status_code == 201
                self.acknowledged.append(answer.json()["sid"])
                if len(self.acknowledged) >= self._kill_after:
                    self._enough.set()


def ensure_every_message_has_its_bytes(api, room):
    page = api.get(f"{room}/Messages", PageSize=100).json()
    messages = page["messages"]
    while url := page["meta"]["next_page_url"]:
        page = api.get(url).json()
        messages += page["messages"]
    for message in messages:
        [media] = message["media"]
        service = room.split("/")[1]
        content = api.get(f"Services/{service}/Media/{media['sid']}/Content")
        assert content.status_code == 200
        assert content.content == bytes_of(*map(int, media["filename"].split("/")))
    return {message["sid"] for message in messages}


@pytest.mark.embedded
@pytest.mark.parametrize("rounds", [1, 4])
@pytest.mark.long
def test_kill_9_during_uploads(launch, tmp_path, rounds):
    server = launch()
    port = server.url.rpartition(":")[2]
    with server.api() as api:
        conversation = api.post("Conversations").json()
    service = f"Services/{conversation['chat_service_sid']}"
    room = f"{service}/Conversations/{conversation['sid']}"
    acknowledged = set()
    for number in range(rounds):
        uploaders = Uploaders(server, service, room, kill_after=number * 3 + 2)
        uploaders.run()
        acknowledged |= set(uploaders.acknowledged)
        server = launch("--port", port)
        with server.api() as api:
            assert acknowledged <= ensure_every_message_has_its_bytes(api, room)

    words = [ServerProcess.PROGRAM, "purge", "--unattached-hours", "0"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, timeout=TIMEOUT_SECONDS)
    with sqlite3.connect(tmp_path / "parlour.db") as connection:
        rows = {sid for (sid,) in connection.execute("SELECT sid FROM media")}
    connection.close()
    assert {path.name for path in files_in(tmp_path)} == rows
    with server.api() as api:
        assert acknowledged <= ensure_every_message_has_its_bytes(api, room)


def test_a_restart_during_an_upload_leaves_nothing_and_purges_at_its_start(launch, tmp_path):
    server = launch("--stop-seconds", "1")
    with server.api() as api:
        service = f"Services/{api.post('Conversations').json()['chat_service_sid']}"
        deleted = upload(api, service).json()
        api.delete(server.url + deleted["url"])

        def chunks():
            yield b"x" * 6 * 1_048_576
            wait_until(lambda: len(files_in(tmp_path)) == 2)
            server.process.terminate()
            server.process.wait(TIMEOUT_SECONDS)
            yield b"x"

        assert api.request("POST", f"{service}/Media", data=chunks()).status_code == 503
    assert "Traceback" not in (tmp_path / "errors.log").read_text()
    launch("--unattached-hours", "0")
    wait_until(lambda: files_in(tmp_path) == [])
