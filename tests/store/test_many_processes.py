"""Several processes on one storage: nothing is lost or doubled, one that dies takes nobody with it."""

import http.client
import os
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.commands import refused
from tests.servers import TIMEOUT_SECONDS, ServerProcess
from tests.storages import OnServer
from tests.store.test_crash import everything
from tests.store.test_postgresql_away import wait_until

pytestmark = pytest.mark.both_engines

PAIR = {"MessagingBinding.Address": "+15550100001", "MessagingBinding.ProxyAddress": "+15550100002"}
PROCESSES = 3
CLIENTS = 12
EACH = 30
CONNECTIONS = 48


def children_of(server):
    """The processes that answer, of those that the server has started."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = (place / "stat").read_text().rpartition(")")[2].split()[1]
            command = (place / "cmdline").read_text().split("\0")
        except OSError:
            continue
        # One that has just ended has no command any more.
        if int(parent) == server.process.pid and len(command) > 3:
            found.setdefault(command[3], []).append(int(place.name))
    return found


def process_of(answer):
    """What tells one process from another: the beginning of its requests' ids."""
    return answer.headers["Twilio-Request-Id"][:18]


def answering_process(server):
    with server.api() as api:
        return process_of(api.get("Conversations"))


@pytest.fixture(scope="module")
def shared(request, tmp_path_factory):
    """The server of an engine, which those tests share that leave all its processes as they are."""
    started = {}

    def shared(kind):
        if kind not in started:
            on_server = kind == OnServer.kind
            setting = request.getfixturevalue("databases").make().setting if on_server else "parlour.db"
            folder, words = tmp_path_factory.mktemp(kind), ("--workers", str(PROCESSES))
            started[kind] = ServerProcess(folder, *words, PARLOUR_DATABASE=setting)
            wait_for_all(started[kind])
        return started[kind]

    yield shared
    for each in started.values():
        assert each.stop() == 0


@pytest.fixture
def many(shared, storage):
    """A server all of whose processes answer."""
    return shared(storage.kind)


@pytest.fixture
def own(launch):
    """One of whose processes some may be killed."""
    own = launch("--workers", str(PROCESSES))
    wait_for_all(own)
    return own


def wait_for_all(server):
    seen = set()
    wait_until(lambda: seen.add(answering_process(server)) or len(seen) == PROCESSES)


def in_threads(work, count=CLIENTS):
    found = [None] * count

    def run(number):
        found[number] = work(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_messages_by_many_processes_have_no_gap_and_no_double(many):
    with many.api() as api:
        room = api.post("Conversations").json()["links"]["messages"]

    def write(number):
        with many.api() as api:
            answers = [api.post(room, Body=f"{number}/{n}") for n in range(EACH)]
        assert {answer.status_code for answer in answers} == {201}
        return {process_of(answer) for answer in answers}, [answer.json()["index"] for answer in answers]

    written = in_threads(write)
    with many.api() as api:
        listed = everything(api, room)
    assert Counter(i for _, mine in written for i in mine) == Counter(range(CLIENTS * EACH))
    assert all(mine == sorted(mine) for _, mine in written)
    assert [message["index"] for message in listed] == list(range(CLIENTS * EACH))
    assert len(set.union(*(processes for processes, _ in written))) > 1


@pytest.mark.parametrize("storage", ["postgresql"], indirect=True)
@pytest.mark.long
def test_connections_that_come_at_once_are_spread_over_the_processes(many):
    host = urlsplit(many.url).netloc
    connections = [http.client.HTTPConnection(host, timeout=TIMEOUT_SECONDS) for _ in range(CONNECTIONS)]
    for connection in connections:
        connection.connect()
    for connection in connections:
        connection.request("GET", "/v1/Conversations")
    answers = [connection.getresponse() for connection in connections]
    for connection in connections:
        connection.close()

    taken = Counter(map(process_of, answers))
    assert len(taken) == PROCESSES
    assert min(taken.values()) >= CONNECTIONS / PROCESSES / 4


@pytest.mark.long
def test_what_one_process_has_answered_every_other_shows(many):
    with many.api() as api:
        room = api.post("Conversations").json()["links"]["messages"]
        message = api.post(room, Body="0").json()

    def edit_and_look(number):
        with many.api() as api:
            for n in range(10):
                api.post(message["url"], Attributes=f'"{number}/{n}"')
                with many.api() as other:
                    shown = other.get(message["url"]).json()["attributes"]
                assert shown != f'"{number}/{n - 1}"'

    in_threads(edit_and_look, 6)
    for n in range(20):
        with many.api() as api:
            api.post(message["url"], Body=str(n))
        with many.api() as other:
            assert other.get(message["url"]).json()["body"] == str(n)


@pytest.mark.long
def test_of_many_who_want_the_same_one_gets_it(many):
    with many.api() as api:
        room = api.post("Conversations").json()["links"]["participants"]

    def take(number):
        with many.api() as api:
            named = api.post("Conversations", UniqueName="the one").status_code
            joined = api.post(room, Identity="alice").status_code
            own = api.post("Conversations").json()["links"]["participants"]
            paired = api.post(own, PAIR).status_code
            api.session.headers["Idempotency-Key"] = "once"
            return named, joined, paired, api.post("Conversations", FriendlyName="once").json().get("sid")

    *taken, made = zip(*in_threads(take), strict=True)

    for outcomes in taken:
        assert Counter(outcomes) == {201: 1, 409: CLIENTS - 1}
    assert len(set(made)) == 1


class Client(threading.Thread):
    """Posts until it is told to stop or is cut off; it stays with the process that it met first."""

    def __init__(self, server, path):
        super().__init__()
        self.stopping, self.written, self.processes, self.ending = threading.Event(), [], set(), None
        self._server, self._path = server, path

    def run(self):
        with self._server.api() as api:
            while not self.stopping.is_set():
                try:
                    answer = api.post(self._path, Body=str(len(self.written)))
                except requests.RequestException:
                    self.ending = "cut off"
                    return
                self.processes.add(process_of(answer))
                if answer.status_code != 201:
                    self.ending = answer.text
                    return
                self.written.append(answer.json()["sid"])


@pytest.mark.long
def test_they_stop_with_the_input_of_whoever_started_them(tmp_path, storage):
    server = ServerProcess(
        tmp_path,
        "--workers",
        "2",
        "--stop-with-input",
        PARLOUR_DATABASE=storage.setting,
        stdin=subprocess.PIPE,
    )
    children = children_of(server)
    server.process.stdin.close()
    assert server._wait() == 0
    assert all(not Path(f"/proc/{number}").exists() for numbers in children.values() for number in numbers)


@pytest.mark.parametrize("storage", ["postgresql"], indirect=True)
def test_a_second_server_does_not_share_the_port(many, tmp_path):
    done = refused(tmp_path, "--workers", "2", "--port", str(urlsplit(many.url).port))
    assert done.returncode == 1
    assert "cannot listen" in done.stderr


@pytest.mark.parametrize(
    "options", [("--workers", "0"), ("--workers", "2", "--control"), ("--workers", "2", "--intercept")]
)
def test_numbers_and_modes_that_cannot_be_meant_are_refused(tmp_path, options):
    done = refused(tmp_path, *options)
    assert done.returncode == 1
    assert "--workers" in done.stderr


@pytest.mark.long
def test_one_that_is_killed_takes_no_client_of_another_with_it(own):
    with own.api() as api:
        room = api.post("Conversations").json()["links"]["messages"]
        clients = [Client(own, room) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        wait_until(lambda: all(len(client.written) > 5 for client in clients))
        os.kill(children_of(own)["answer"][0], signal.SIGKILL)
        left = [client for client in clients if client.ending is None]
        before = {client: len(client.written) for client in left}
        wait_until(lambda: all(len(c.written) > before[c] + 20 or c.ending for c in left))
        wait_until(lambda: len(children_of(own).get("answer", ())) == PROCESSES)
        for client in clients:
            client.stopping.set()
            client.join()
    with own.api() as api:
        stored = {message["sid"] for message in everything(api, room)}

    assert {client.ending for client in clients} <= {None, "cut off"}
    assert len({process for c in clients if c.ending for process in c.processes}) <= 1
    assert stored >= {sid for client in clients for sid in client.written}
    assert own.stop() == 0


@pytest.mark.parametrize("storage", ["postgresql"], indirect=True)
@pytest.mark.long
def test_while_one_is_down_the_others_take_its_connections_and_then_it_is_back(own):
    [killed, *_] = children_of(own)["answer"]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{killed}").exists())
    with own.api() as api:
        assert api.get("Conversations").status_code == 200
    wait_until(lambda: len(children_of(own).get("answer", ())) == PROCESSES)
    wait_for_all(own)


@pytest.mark.parametrize("storage", ["postgresql"], indirect=True)
@pytest.mark.long
def test_what_a_server_that_is_killed_has_not_finished_another_takes_over(launch, receiver):
    hold = threading.Event()
    receiver.answer = lambda hook: hold.wait(TIMEOUT_SECONDS) and (200, b"")
    first = launch("--workers", "2")
    with first.api() as api:
        form = {"PostWebhookUrl": receiver.url, "Filters": "onMessageAdded"}
        api.request("POST", "Configuration/Webhooks", data=form)
        api.session.headers["X-Twilio-Webhook-Enabled"] = "true"
        room = api.post("Conversations").json()["links"]["messages"]
        sent = [api.post(room, Body=str(n)).json()["sid"] for n in range(10)]
    receiver.wait_for(1)
    second = launch("--workers", "2")
    first.crash()
    hold.set()
    hooks = receiver.wait_for(len(sent) + 1)
    with second.api() as api:
        assert [message["sid"] for message in everything(api, second.url + urlsplit(room).path)] == sent

    assert list(dict.fromkeys(hook.parameters["MessageSid"] for hook in hooks)) == sent
