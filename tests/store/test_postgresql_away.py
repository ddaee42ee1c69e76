"""PostgreSQL stops and starts under load: requests fail fast meanwhile, and nothing acknowledged is lost."""

import threading
import time
import uuid

import pytest

from tests.postgresql import OwnServer
from tests.storages import Databases
from tests.store.test_crash import everything

CLIENTS = 8
FAST_SECONDS = 3.0


@pytest.fixture
def databases():
    """A server of the test's own."""
    server = OwnServer(uuid.uuid4().hex)
    yield Databases(server)
    server.start()
    server.remove()


class Client(threading.Thread):
    """Posts until it is told to stop, and remembers what came of it."""

    def __init__(self, server, path):
        super().__init__()
        self.acknowledged, self.refused, self.slowest = [], 0, 0.0
        self.stopping = threading.Event()
        self._server, self._path = server, path

    def run(self):
        with self._server.api() as api:
            while not self.stopping.is_set():
                started = time.monotonic()
                answer = api.post(self._path, Body="Hi")
                self.slowest = max(self.slowest, time.monotonic() - started)
                if answer.status_code == 201:
                    self.acknowledged.append(answer.json()["sid"])
                else:
                    assert (answer.status_code, answer.json()["code"]) == (503, 20503), answer.text
                    self.refused += 1
                    self.stopping.wait(0.05)


@pytest.mark.parametrize("storage", ["postgresql"], indirect=True)
@pytest.mark.long
def test_it_may_go_and_come_back(launch, databases):
    server = launch("--workers", "2")
    with server.api() as api:
        path = api.post("Conversations").json()["links"]["messages"]
        clients = [Client(server, path) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for _ in range(2):
            wait_until(lambda: all_grew(clients))
            databases.server.stop()
            wait_until(lambda: all(client.refused > 3 for client in clients))
            assert api.get(path).status_code == 503
            assert api.request("GET", f"{server.url}/readyz").status_code == 503
            assert api.request("GET", f"{server.url}/healthz").status_code == 200
            databases.server.start()
            for client in clients:
                client.refused = 0
            wait_until(lambda: all_grew(clients))
        for client in clients:
            client.stopping.set()
            client.join()
        stored = [message["sid"] for message in everything(api, path)]

    acknowledged = {sid for client in clients for sid in client.acknowledged}
    assert acknowledged <= set(stored)
    assert len(stored) == len(set(stored))
    assert max(client.slowest for client in clients) < FAST_SECONDS


def all_grew(clients):
    """Whether each client gets one more acknowledgement."""
    before = [len(client.acknowledged) for client in clients]
    wait_until(
        lambda: all(len(client.acknowledged) > count for client, count in zip(clients, before, strict=True))
    )
    return True


def wait_until(is_so):
    waited = threading.Event()
    for _ in range(1_500):
        if is_so():
            return
        waited.wait(0.02)
    raise AssertionError
