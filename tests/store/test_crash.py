"""`kill -9` while 32 clients write: what was acknowledged is there, once, and nothing is half there."""

import random
import threading

import pytest
import requests

pytestmark = pytest.mark.both_engines

WRITERS = 32


class Writers:
    """Clients that post until the server is gone, and remember what it acknowledged."""

    def __init__(self, server, messages_path, kill_after):
        self.acknowledged = []
        self._server, self._path, self._kill_after = server, messages_path, kill_after
        self._lock = threading.Lock()
        self._enough = threading.Event()

    def run(self):
        threads = [threading.Thread(target=self._write, args=(n,)) for n in range(WRITERS)]
        for thread in threads:
            thread.start()
        assert self._enough.wait(60)
        self._server.crash()
        for thread in threads:
            thread.join()

    def _write(self, writer):
        with self._server.api() as api:
            for number in range(1_000_000):
                try:
                    answer = api.post(self._path, Body=body_of(writer, number), Author=f"writer {writer}")
                except requests.RequestException:
                    return
                assert answer.status_code == 201
                with self._lock:
                    self.acknowledged.append(answer.json())
                    if len(self.acknowledged) >= self._kill_after:
                        self._enough.set()


def body_of(writer, number):
    return f"{writer}/{number} " + "x" * (number % 1_000)


def everything(api, path):
    page = api.get(path, PageSize=100).json()
    found = page["messages"]
    while url := page["meta"]["next_page_url"]:
        page = api.get(url).json()
        found += page["messages"]
    return found


@pytest.mark.parametrize(
    ("workers", "rounds"),
    [
        ("1", 2),
        pytest.param("2", 1, marks=pytest.mark.long),
        pytest.param("1", 10, marks=pytest.mark.long),
        pytest.param("2", 4, marks=pytest.mark.long),
    ],
)
def test_every_acknowledged_message_survives_kill_9(launch, workers, rounds):
    chance = random.Random(1)
    server = launch("--workers", workers)
    port = server.url.rpartition(":")[2]
    room = server.api().post("Conversations").json()["sid"]
    acknowledged = {}
    for _ in range(rounds):
        writers = Writers(server, f"Conversations/{room}/Messages", chance.randint(1, 300))
        writers.run()
        acknowledged |= {message["sid"]: message for message in writers.acknowledged}

        server = launch("--port", port, "--workers", workers)
        with server.api() as api:
            stored = everything(api, f"Conversations/{room}/Messages")
        assert [message["index"] for message in stored] == list(range(len(stored)))
        for message in stored:
            writer, _, number = message["body"].split()[0].partition("/")
            assert message["body"] == body_of(writer, int(number))
            assert message["author"] == f"writer {writer}"
        by_sid = {message["sid"]: message for message in stored}
        assert len(by_sid) == len(stored)
        assert {sid: by_sid.get(sid) for sid in acknowledged} == acknowledged
