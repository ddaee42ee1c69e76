"""Uploads at the same time: their number is bounded, and no account's hold up another's."""

import contextlib
import threading
from base64 import b64encode
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from parlour.api import upload_slots
from tests.files import PNG, files_in, upload, wait_until
from tests.servers import ACCOUNT_SID, AUTH_TOKEN, Api


class Stalled:
    """An upload of which a part is sent, and the rest when the test says so."""

    def __init__(self, running, service):
        before = rows_in(running)
        credentials = b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
        self._connection = HTTPConnection(urlsplit(running.url).netloc, timeout=60)
        self._connection.putrequest("POST", f"/v1/{service}/Media")
        self._connection.putheader("Authorization", f"Basic {credentials}")
        self._connection.putheader("Content-Length", str(len(PNG)))
        self._connection.endheaders(PNG[:10])
        # The row is there before the first byte is taken.
        wait_until(lambda: rows_in(running) > before)

    def finish(self):
        self._connection.send(PNG[10:])
        return self.status()

    def status(self):
        return self._connection.getresponse().status

    def close(self):
        self._connection.close()


def rows_in(running):
    return running.in_database(lambda tx: tx.select("SELECT COUNT(*) FROM media"))[0][0]


@pytest.fixture
def stall(service):
    """Begins an upload that stops in its middle."""
    with contextlib.ExitStack() as open_ones:

        def stall(running):
            return open_ones.enter_context(contextlib.closing(Stalled(running, service)))

        yield stall


class TestPlaces:
    """A server with two places, of which an account gets one."""

    @pytest.fixture(autouse=True)
    def few_places(self, monkeypatch):
        monkeypatch.setattr(upload_slots, "MAX_HELD_BYTES", 0)
        monkeypatch.setattr(upload_slots, "MAX_WAITING", 2)

    def test_an_account_whose_places_are_taken_is_refused_and_another_is_not(
        self, monkeypatch, api, stranger, service, running, stall
    ):
        monkeypatch.setattr(upload_slots, "WAIT_SECONDS", 0.01)
        other_service = "Services/" + stranger.post("Services", FriendlyName="Other").json()["sid"]
        stalled = stall(running)
        refused = upload(api, service)
        taken = upload(stranger, other_service)

        assert (refused.status_code, refused.json()["code"]) == (429, 20429)
        assert int(refused.headers["Retry-After"]) > 0
        assert taken.status_code == 201
        assert stalled.finish() == 201
        assert upload(api, service).status_code == 201
        assert len(files_in(running.folder)) == rows_in(running) == 3

    def test_an_upload_waits_until_another_of_its_account_ends(self, api, service, running, stall):
        stalled, statuses = stall(running), []

        def send():
            with Api(running.url) as other:
                statuses.append(upload(other, service).status_code)

        threads = [threading.Thread(target=send) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert api.post("Conversations").status_code == 201
        assert rows_in(running) == 1
        assert stalled.finish() == 201
        for thread in threads:
            thread.join()

        assert statuses == [201] * 2
        assert len(files_in(running.folder)) == 3

    def test_when_many_wait_more_are_refused_at_once(self, service, running, stall):
        stalled, statuses = stall(running), []

        def send():
            with Api(running.url) as other:
                statuses.append(upload(other, service).status_code)

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        # Two wait; that the others are answered before the first one ends is what the test is about.
        wait_until(lambda: len(statuses) == 2)
        assert stalled.finish() == 201
        for thread in threads:
            thread.join()

        assert sorted(statuses) == [201, 201, 429, 429]


def test_clients_that_stop_sending_hold_up_nobody(api, service, running, stall):
    stalled = [stall(running) for _ in range(2 * upload_slots.BLOCKS_AT_ONCE)]
    answer = upload(api, service, bytes(3 * 1_048_576), "application/octet-stream")

    assert answer.status_code == 201
    assert [each.finish() for each in stalled] == [201] * len(stalled)


def test_a_client_that_stops_sending_loses_its_place_after_a_while(start):
    running = start(body_seconds=1)
    with Api(running.url) as api:
        service = "Services/" + api.post("Services", FriendlyName="Support").json()["sid"]
    with contextlib.closing(Stalled(running, service)) as stalled:
        assert stalled.status() == 408
    wait_until(lambda: rows_in(running) == 0)
    assert files_in(running.folder) == []
