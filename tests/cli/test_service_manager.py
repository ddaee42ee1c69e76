"""What a service manager such as systemd is told, and the service file for it."""

import re
import shutil
import socket
import subprocess

import pytest

from parlour.config import Config, environment_name
from tests.documents import read

UNIT = "deploy/parlour.service"


@pytest.fixture
def manager(tmp_path):
    """A socket as systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        yield manager


def states_until_now(manager):
    manager.setblocking(False)
    states = []
    while True:
        try:
            states.append(manager.recv(1_000))
        except BlockingIOError:
            return states


INTERCEPTING = ("--intercept", "--intercept-port", "0")


@pytest.mark.parametrize(
    "options",
    [(), *(pytest.param(each, marks=pytest.mark.long) for each in (INTERCEPTING, ("--workers", "2")))],
)
def test_a_manager_is_told_when_the_server_answers_and_when_it_stops(launch, manager, tmp_path, options):
    server = launch(*options, NOTIFY_SOCKET=str(tmp_path / "notify"))
    assert manager.recv(1_000) == b"READY=1"
    assert server.api().get("Services").status_code == 200
    assert server.stop() == 0

    # Of the server only, not of its other processes. It may be told of the stop twice.
    assert set(states_until_now(manager)) == {b"STOPPING=1"}


def test_a_manager_that_is_gone_is_no_reason_to_fail(launch, tmp_path):
    server = launch(NOTIFY_SOCKET=str(tmp_path / "none"))

    assert server.api().get("Services").status_code == 200


def test_the_service_file_names_settings_that_exist():
    names = re.findall(r"^Environment=(\w+)=", read(UNIT), re.MULTILINE)

    assert names != []
    assert set(names) <= {environment_name(name) for name in Config.__dataclass_fields__}
    assert "ExecStart=/opt/parlour/bin/parlour serve\n" in read(UNIT)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_service_file_and_finds_it_safe(tmp_path):
    unit = tmp_path / "parlour.service"
    # Programs are looked for: the one of an installation is not there.
    unit.write_text(read(UNIT).replace("/opt/parlour/bin/parlour serve", "/bin/true"))
    verified = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit]
    rated = subprocess.run(words, capture_output=True, text=True, check=False)

    assert str(unit) not in verified.stderr, verified.stderr
    assert rated.returncode == 0, rated.stdout + rated.stderr
