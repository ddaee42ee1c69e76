"""Fixtures: a running server, callers of it, and something to call about."""

import pytest

from parlour.logs import configure_logs
from tests.receivers import Receiver
from tests.servers import ACCOUNT_SID, AUTH_TOKEN, OTHER_ACCOUNT_SID, Api, Clock, ServerProcess, ServerThread


@pytest.fixture(scope="session", autouse=True)
def logs():
    configure_logs("warning", "console")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def start(tmp_path, clock):
    """Starts a server with the settings that the test gives; it is stopped after the test."""
    started = []

    def start(**settings):
        started.append(ServerThread(tmp_path, clock, **settings))
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
def launch(tmp_path):
    """Launches `parlour serve` as a process of its own; it is stopped after the test."""
    launched = []

    def launch(*options, **environment):
        launched.append(ServerProcess(tmp_path, *options, **environment))
        return launched[-1]

    yield launch
    for each in launched:
        each.stop()
