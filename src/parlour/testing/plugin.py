"""The plugin for pytest: a server for each session, emptied for each test."""

from typing import TYPE_CHECKING

import pytest

# Every run of pytest loads this file, most of them for nothing: the rest is loaded with the first server.
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
        help="Empty a Parlour for each test, and send official clients there by the environment.",
    )
    parser.addini("parlour_mode", "How the server runs: process or thread.", default="process")


@pytest.fixture(scope="session")
def parlour_session(pytestconfig: pytest.Config) -> "Iterator[Parlour]":
    """The session's server, as the tests before have left it."""
    from parlour.testing import process, thread  # noqa: PLC0415 - a plugin loads little
    from parlour.testing.handles import Parlour  # noqa: PLC0415 - the same

    mode = str(pytestconfig.getini("parlour_mode"))
    if mode not in MODES:
        raise pytest.UsageError(f"parlour_mode must be one of {', '.join(MODES)}")
    with (process if mode == "process" else thread).running() as own:
        parlour = Parlour(own)
        yield parlour
        parlour.close()


@pytest.fixture
def parlour(parlour_session: "Parlour") -> "Parlour":
    """An empty server, and all that a test may want of it."""
    parlour_session.reset()
    return parlour_session


@pytest.fixture
def parlour_environment(parlour: "Parlour", monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment that sends official clients there, set for the time of the test."""
    for name, value in parlour.environment.items():
        monkeypatch.setenv(name, value)
    return parlour.environment


@pytest.fixture
def parlour_clock(parlour: "Parlour") -> "Clock":
    """The server's clock: `stop`, `advance`, `go_on`, `now`."""
    return parlour.clock


@pytest.fixture
def parlour_faults(parlour: "Parlour") -> "Faults":
    """Asks for faults: `latency`, `status`, `drop_before`, `drop_after`, `lose_answer`."""
    return parlour.faults


@pytest.fixture
def parlour_webhooks() -> "Iterator[Receiver]":
    """A receiver of webhooks: `url`, `wait_for("onMessageAdded")`, `received`, `answer`."""
    from parlour.testing.receiver import Receiver  # noqa: PLC0415 - the same

    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(autouse=True)
def _parlour_for_all(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--parlour"):
        request.getfixturevalue("parlour_environment")
