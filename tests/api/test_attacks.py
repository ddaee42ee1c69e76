"""What anybody can send without credentials, to a real process: it stays small, and answers others."""

import contextlib
import re
import resource
import select
import socket
import ssl
import struct
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from requests.auth import _basic_auth_str

from bench.attacks import CHUNKED, ENDLESS, HEALTH, send_without_reading
from tests import certificates
from tests.certificates import make_pair
from tests.files import wait_until
from tests.servers import ACCOUNT_SID, AUTH_TOKEN

MAX_RESIDENT_MEGABYTES = 150
WOULD_BLOCK = (BlockingIOError, ssl.SSLWantWriteError)


@pytest.fixture(params=["plain", pytest.param("TLS", marks=pytest.mark.long)])
def begin(request, launch, tmp_path):
    """Launches a server; connections to it are plain, or over TLS."""
    pair = make_pair(tmp_path) if request.param == "TLS" else None

    def begin(*options):
        launched = launch(*options, *(pair.options if pair else ()))
        launched.pair = pair
        return launched

    return begin


def connect(launched, receive_bytes=None):
    return certificates.connect(launched, launched.pair, receive_bytes)


def peak_megabytes(launched):
    status = Path(f"/proc/{launched.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1_024


def ensure_it_is_well(launched, attack):
    with connect(launched) as connection:
        connection.sendall(HEALTH)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200"), attack
    assert peak_megabytes(launched) <= MAX_RESIDENT_MEGABYTES, attack


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_what_never_ends_takes_no_memory_and_holds_nobody_up(begin):
    launched = begin("--log-level", "warning", "--head-seconds", "1")
    for attack, (start, more) in ENDLESS.items():
        with connect(launched) as connection:
            send_without_reading(connection, start, more)
            ensure_it_is_well(launched, attack)

    assert "Traceback" not in (launched.folder / "errors.log").read_text()


HALVES = {
    "nothing": b"",
    "a byte": b"G",
    "half a head": b"GET / HTTP/1.1\r\nX: " + b"x" * 16_000,
    "half a body": CHUNKED + b"fffff\r\n" + b"x" * 60_000,
}


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.long
def test_hundreds_of_connections_that_wait_are_closed_in_time_and_take_no_memory(begin):
    seconds = ("--head-seconds", "1", "--body-seconds", "1", "--idle-seconds", "1")
    launched = begin("--log-level", "error", *seconds)
    for name, sent in HALVES.items():
        with ExitStack() as stack:
            waiting = [stack.enter_context(connect(launched)) for _ in range(300)]
            for each in waiting:
                each.setblocking(False)
                with contextlib.suppress(*WOULD_BLOCK):
                    each.send(sent)
            ensure_it_is_well(launched, name)
            for each in waiting:
                each.settimeout(30)
                with contextlib.suppress(ConnectionResetError, ssl.SSLError):
                    while each.recv(65_536):
                        pass
        ensure_it_is_well(launched, name)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_many_connections_with_pipelined_requests_take_no_memory(begin):
    launched = begin("--log-level", "error")
    with ExitStack() as stack:
        bystander = stack.enter_context(connect(launched))
        for _ in range(30):
            connection = stack.enter_context(connect(launched))
            connection.setblocking(False)
            with contextlib.suppress(*WOULD_BLOCK):
                connection.send(HEALTH * 6_000)
        # One connection is accepted and one request of each is answered at a time.
        for _ in range(40):
            bystander.sendall(HEALTH)
            assert bystander.recv(65_536).startswith(b"HTTP/1.1 200")
        assert peak_megabytes(launched) <= MAX_RESIDENT_MEGABYTES


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted in /proc")
def test_connections_that_are_closed_to_make_room_are_gone_even_if_they_read_nothing(begin):
    launched = begin("--log-level", "error", "--max-connections", "4", "--send-seconds", "1")
    before = count_sockets(launched)
    with ExitStack() as stack:
        for _ in range(40):
            with contextlib.suppress(OSError):
                # Its answers do not fit into what the system holds for it.
                connection = stack.enter_context(connect(launched, receive_bytes=2_048))
                for _ in range(14):
                    connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n")
                    # The next one comes when this was answered, and waits with bytes unsent.
                    select.select([], [], [], 0.004)

        wait_until(lambda: count_sockets(launched) <= before + 4)


def count_sockets(launched):
    links = []
    for each in Path(f"/proc/{launched.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            links.append(each.readlink().name)
    return sum(link.startswith("socket:") for link in links)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set from outside")
@pytest.mark.parametrize(
    "options", [[], pytest.param(["--workers", "2"], marks=pytest.mark.long)], ids=["one process", "workers"]
)
def test_when_descriptors_are_few_idle_connections_make_room(begin, options):
    launched = begin("--log-level", "error", *options)
    for pid in processes_of(launched):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, 64))
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(launched))
        # All of these may come within one turn of the server, in which nothing that is closed is free again.
        wait_until(lambda: is_answered_anew(launched))
        for _ in range(20):
            connection = stack.enter_context(connect(launched))
            connection.sendall(HEALTH)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")

    assert "Traceback" not in (launched.folder / "errors.log").read_text()


def is_answered_anew(launched):
    with contextlib.suppress(OSError), connect(launched) as connection:
        connection.sendall(HEALTH)
        return connection.recv(65_536).startswith(b"HTTP/1.1 200")
    return False


def processes_of(launched):
    pid = launched.process.pid
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def test_clients_that_leave_early_leave_no_traceback(begin):
    launched = begin("--log-level", "error")
    with launched.api() as api:
        api.session.verify = str(launched.pair.certificate) if launched.pair else True
        service = api.post("Services", FriendlyName="Support").json()["sid"]
    credentials = f"Authorization: {_basic_auth_str(ACCOUNT_SID, AUTH_TOKEN)}\r\n"
    head = f" HTTP/1.1\r\nHost: here\r\n{credentials}"
    for sent in (
        "",
        "GET / HT",
        "GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n" * 50,
        f"POST /v1/Conversations{head}Content-Length: 100\r\n\r\nFriendlyName=x",
        f"POST /v1/Conversations{head}Content-Length: 14\r\n\r\nFriendlyName=x",
        f"POST /v1/Conversations{head}Expect: 100-continue\r\nContent-Length: 14\r\n\r\n",
        f"POST /v1/Services/{service}/Media{head}Content-Length: 100000\r\n\r\n" + "x" * 50_000,
    ):
        for linger in (0, 1):
            with connect(launched) as connection:
                # With 0 the connection is broken off, with 1 it is closed.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", linger ^ 1, 0))
                connection.sendall(sent.encode())
    with connect(launched) as connection:
        connection.sendall(HEALTH)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")

    assert launched.stop() == 0
    assert (launched.folder / "errors.log").read_text() == ""
