"""Fixtures: a running server, callers of it, and something to call about."""

import os

import pytest

from parlour.logs import configure_logs
from parlour.store.distribution import lacks_its_key
from parlour.store.tombstones import finds_deleted
from tests.clusters import CitusServer
from tests.postgresql import OwnServer, run_ends_with
from tests.receivers import Receiver
from tests.servers import (
    ACCOUNT_SID,
    AUTH_TOKEN,
    OTHER_ACCOUNT_SID,
    Api,
    Clock,
    ServerProcess,
    ServerThread,
    SharedServer,
)
from tests.storages import Databases, File, OnServer, Recording, make_template
from tests.whole_servers import WholeServer

# The first is what most tests run on; whoever wants all of them on the other says so.
ENGINES = sorted(
    [File.kind, OnServer.kind], key=lambda kind: kind != os.environ.get("TEST_ENGINE", File.kind)
)


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        run_ends_with(os.getpid())


def pytest_xdist_auto_num_workers(config):
    """No worker for one file: it has run before workers would have loaded everything."""
    files = {argument.partition("::")[0] for argument in config.args}
    if len(files) == 1 and files.pop().endswith(".py"):
        return 0
    # One more than processors: there is always a test that waits, for a process that starts or for a second.
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def logs():
    configure_logs("warning", "console")


# A test that asks for one of these gets a server of its own: the shared one is set up already.
FOR_ITS_OWN = {"own_server", "start", "launch", "tmp_path", "monkeypatch"}


@pytest.fixture
def own_server():
    """For tests that do to their server what a reset does not mend."""


def shares_a_server(request):
    wanted = set(request.fixturenames)
    own_arguments = request.node._fixtureinfo.argnames
    return "running" in wanted and not wanted & FOR_ITS_OWN and "storage" not in own_arguments


@pytest.fixture
def clock(request):
    return request.getfixturevalue("running").clock if shares_a_server(request) else Clock()


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    return make_template(tmp_path_factory.mktemp("template"))


class SharedServers:
    """One for each engine that tests ask for; one that a test has stopped is made anew."""

    def __init__(self, request):
        self._request = request
        self._servers = {}

    def of(self, kind):
        # Out of the list while it is reset: one that cannot be reset spoils one test, not all that follow.
        server = self._servers.pop(kind, None)
        if server is None or server.is_stopped:
            folder = self._request.getfixturevalue("tmp_path_factory").mktemp(kind)
            server = SharedServer(folder, make_storage(self._request, kind, folder))
        else:
            server.reset()
        self._servers[kind] = server
        return server

    def current(self, kind):
        return self._servers[kind]

    def stop(self):
        for server in self._servers.values():
            if not server.is_stopped:
                server.stop()


@pytest.fixture(scope="session")
def servers(request):
    servers = SharedServers(request)
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def databases():
    """On a PostgreSQL server that all workers share and that stops with the last of them, or on yours."""
    name = os.environ.get("PYTEST_XDIST_TESTRUNUID", os.getpid())
    cluster = os.environ.get("TEST_CLUSTER")
    server = CitusServer(cluster) if cluster else OwnServer(name)
    databases = Databases(server)
    yield databases
    databases.remove_all()


def make_storage(request, kind, folder):
    if kind == OnServer.kind:
        return request.getfixturevalue("databases").make()
    starts_programs = {"launch"} & set(request.fixturenames)
    return File(folder, None if starts_programs else request.getfixturevalue("template"))


@pytest.fixture
def storage(request):
    """What the test's server stores in, of one engine; `core` and `both_engines` have a test run on each."""
    kind = getattr(request, "param", ENGINES[0])
    if shares_a_server(request):
        yield request.getfixturevalue("servers").of(kind).storage
    else:
        storage = make_storage(request, kind, request.getfixturevalue("tmp_path"))
        with pytest.MonkeyPatch.context() as patch:
            if kind == OnServer.kind:
                # For every program that the test starts.
                patch.setenv("PARLOUR_DATABASE", storage.setting)
            yield storage
        storage.remove()
    # On one server or on many: no statement of any test may look everywhere for what a key would tell.
    statements = Recording.take()
    assert list(filter(lacks_its_key, statements)) == []
    # And none may find what was deleted and is not removed yet.
    assert list(filter(finds_deleted, statements)) == []


# What a test says of the storage it runs on; its own word counts more than its file's.
STORAGES = {"core", "both_engines", "embedded"}


def pytest_generate_tests(metafunc):
    marks = [mark.name for mark in metafunc.definition.iter_markers() if mark.name in STORAGES]
    chosen = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if "storage" in metafunc.fixturenames and "storage" not in chosen:
        metafunc.parametrize("storage", engines_of(marks), indirect=True)


def engines_of(marks):
    """The engines that a test with these marks runs on; what only `make test-all` runs is marked `long`."""
    first, second = ENGINES
    return {
        "embedded": [File.kind],
        "core": [first, second],
        "both_engines": [first, pytest.param(second, marks=pytest.mark.long)],
        "": [first],
    }[marks[0] if marks else ""]


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
def running(request, storage):
    """A server with the settings that it has without any."""
    if shares_a_server(request):
        return request.getfixturevalue("servers").current(storage.kind)
    return request.getfixturevalue("start")()


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
def serve(tmp_path, storage):
    """Starts all that `parlour serve` runs, in this process; it is stopped after the test."""
    started = []

    def serve(**settings):
        started.append(WholeServer(tmp_path, storage, **settings))
        return started[-1]

    yield serve
    for each in started:
        each.stop()


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
