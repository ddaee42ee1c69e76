"""Fixtures: a running server, callers of it, and something to call about."""

import os

import pytest

from parlour.logs import configure_logs
from parlour.store.distribution import lacks_its_key
from tests.clusters import CitusServer
from tests.receivers import Receiver
from tests.servers import ACCOUNT_SID, AUTH_TOKEN, OTHER_ACCOUNT_SID, Api, Clock, ServerProcess, ServerThread
from tests.storages import Databases, File, OnServer, OwnServer, Recording

# The first is what most tests run on; whoever wants all of them on the other says so.
ENGINES = sorted(
    [File.kind, OnServer.kind], key=lambda kind: kind != os.environ.get("TEST_ENGINE", File.kind)
)


@pytest.fixture(scope="session", autouse=True)
def logs():
    configure_logs("warning", "console")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def databases():
    """On a PostgreSQL server that all workers share and that stops with the last of them, or on yours."""
    name = os.environ.get("PYTEST_XDIST_TESTRUNUID", os.getpid())
    cluster = os.environ.get("TEST_CLUSTER")
    server = CitusServer(cluster) if cluster else OwnServer(name)
    yield Databases(server)
    server.remove()


@pytest.fixture
def storage(request, tmp_path, monkeypatch):
    """What the test's server stores in, of one engine; `both_engines` has a test run on each."""
    kind = getattr(request, "param", ENGINES[0])
    storage = File(tmp_path)
    if kind == OnServer.kind:
        storage = request.getfixturevalue("databases").make()
        # For every program that the test starts.
        monkeypatch.setenv("PARLOUR_DATABASE", storage.setting)
    yield storage
    storage.remove()
    # On one server or on many: no statement of any test may look everywhere for what a key would tell.
    assert list(filter(lacks_its_key, Recording.take())) == []


def pytest_generate_tests(metafunc):
    marks = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "storage" in metafunc.fixturenames and "storage" not in marks:
        marks = {mark.name for mark in metafunc.definition.iter_markers()}
        kinds = ENGINES if "both_engines" in marks else ENGINES[:1]
        metafunc.parametrize("storage", [File.kind] if "embedded" in marks else kinds, indirect=True)


@pytest.fixture
def start(tmp_path, clock, storage):
    """Starts a server with the settings that the test gives; it is stopped after the test."""
    started = []

    def start(**settings):
        started.append(ServerThread(tmp_path, clock, storage, **settings))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def running(start):
    return start()


@pytest.fixture
def api(running):
    """A caller of the running server, with the account's SID and auth token."""
    with Api(running.url, ACCOUNT_SID, AUTH_TOKEN) as api:
        yield api


@pytest.fixture
def stranger(running):
    """A caller of another account on the same server."""
    with Api(running.url, OTHER_ACCOUNT_SID, AUTH_TOKEN) as stranger:
        yield stranger


@pytest.fixture
def service(api):
    """The path of a service that is not the account's default one."""
    return "Services/" + api.post("Services", FriendlyName="Support").json()["sid"]


@pytest.fixture
def room(api, service):
    """The path of a conversation in that service."""
    return f"{service}/Conversations/" + api.post(f"{service}/Conversations").json()["sid"]


@pytest.fixture
def receiver():
    """A receiver of webhooks."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def launch(tmp_path, storage):
    """Launches `parlour serve` as a process of its own; it is stopped after the test."""
    launched = []

    def launch(*options, **environment):
        launched.append(ServerProcess(tmp_path, *options, **environment))
        return launched[-1]

    yield launch
    for each in launched:
        each.stop()
