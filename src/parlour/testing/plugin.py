"""The plugin for pytest: one server for a session, reset before each test."""

from typing import TYPE_CHECKING

import pytest

# Every run of pytest loads this file, and most do not use it: the rest is loaded with the first server.
if TYPE_CHECKING:
    from collections.abc import Iterator

    from parlour.testing.handles import Clock, Faults, Parlour
    from parlour.testing.receiver import Receiver

MODES = ("process", "thread")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("parlour")
    group.addoption(
        "--parlour",
        action="store_true",
        help="Reset a Parlour server before each test, and send official clients there.",
    )
    parser.addini("parlour_mode", "How the server runs: process or thread.", default="process")


@pytest.fixture(scope="session")
def parlour_session(pytestconfig: pytest.Config) -> "Iterator[Parlour]":
    """The server of the session, with the data of earlier tests."""
    from parlour.testing import process, thread  # noqa: PLC0415 - loaded with the first server
    from parlour.testing.handles import Parlour  # noqa: PLC0415 - loaded with the first server

    mode = str(pytestconfig.getini("parlour_mode"))
    if mode not in MODES:
        raise pytest.UsageError(f"parlour_mode must be one of {', '.join(MODES)}")
    with (process if mode == "process" else thread).running() as running:
        parlour = Parlour(running)
        yield parlour
        parlour.close()


@pytest.fixture
def parlour(parlour_session: "Parlour") -> "Parlour":
    """A server without data, with a client and its controls."""
    parlour_session.reset()
    return parlour_session


@pytest.fixture
def parlour_environment(parlour: "Parlour", monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Environment variables that send official clients to the server, set during the test."""
    for name, value in parlour.environment.items():
        monkeypatch.setenv(name, value)
    return parlour.environment


@pytest.fixture
def parlour_clock(parlour: "Parlour") -> "Clock":
    """The server's clock: `stop`, `advance`, `resume`, `now`."""
    return parlour.clock


@pytest.fixture
def parlour_faults(parlour: "Parlour") -> "Faults":
    """Makes requests fail: `latency`, `status`, `drop_before`, `drop_after`, `lose_answer`."""
    return parlour.faults


@pytest.fixture
def parlour_webhooks() -> "Iterator[Receiver]":
    """A receiver of webhooks: `url`, `wait_for("onMessageAdded")`, `received`, `answer`."""
    from parlour.testing.receiver import Receiver  # noqa: PLC0415 - loaded with the first server

    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(autouse=True)
def _parlour_for_all(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--parlour"):
        request.getfixturevalue("parlour_environment")
