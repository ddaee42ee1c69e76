"""Memory that anybody can make the server take without credentials: requests that never end."""

import contextlib
import socket
from pathlib import Path
from urllib.parse import urlsplit

from bench import report
from bench.errors import BenchError
from bench.subjects import Memory, running_parlour

# As much as an attacker sends before the server stops reading, or hangs up.
SENT_BYTES = 48 * 1_048_576
# How long the server may read nothing before an attack is over.
PATIENCE_SECONDS = 0.5
# Connections at a time that wait in the middle of a request.
WAITING = 300

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n"
CHUNKED = b"POST /v1/Conversations HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
HALF_A_BODY = CHUNKED + b"fffff\r\n" + b"x" * 60_000
# How each begins, and what is sent over and over then.
ENDLESS = {
    "header": (b"GET / HTTP/1.1\r\nHost: here\r\nX: ", b"x" * 65_536),
    "URL": (b"GET /", b"x" * 65_536),
    "small headers": (b"GET / HTTP/1.1\r\nHost: here\r\n", b"a:b\r\n" * 10_000),
    "trailers": (CHUNKED + b"0\r\n", b"a:b\r\n" * 10_000),
    "trailer": (CHUNKED + b"0\r\nX: ", b"x" * 65_536),
    "extension": (CHUNKED + b"1;", b"x" * 65_536),
    "empty lines": (b"", b"\r\n" * 30_000),
    "pipelined requests": (b"", HEALTH * 1_700),
    "pipelined offers": (
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n" * 800,
    ),
}


def measure_attacks(folder: Path) -> dict[str, Memory]:
    """Return the memory after each attack. Empty where the system does not tell."""
    place = folder / "attacks"
    place.mkdir()
    found = {}
    with running_parlour(place, place / "parlour.db") as parlour:
        for name, (start, more) in ENDLESS.items():
            with connect(parlour.url) as connection:
                send_without_reading(connection, start, more)
                ensure_it_answers(parlour.url, name)
                memory = parlour.memory()
            if memory is not None:
                found[name] = memory
        with contextlib.ExitStack() as stack:
            for _ in range(WAITING):
                waiting = stack.enter_context(connect(parlour.url))
                waiting.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    waiting.send(HALF_A_BODY)
            ensure_it_answers(parlour.url, "half bodies")
            if (memory := parlour.memory()) is not None:
                found[f"{WAITING} half bodies"] = memory
    report.echo_attacks(found)
    return found


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname or "", address.port or 80), timeout=30)


def send_without_reading(connection: socket.socket, start: bytes, more: bytes) -> None:
    """Send SENT_BYTES, or until the server has read nothing for a moment, or has hung up."""
    connection.settimeout(PATIENCE_SECONDS)
    with contextlib.suppress(TimeoutError, ConnectionError):
        connection.sendall(start)
        for _ in range(SENT_BYTES // len(more)):
            connection.sendall(more)


def ensure_it_answers(url: str, attack: str) -> None:
    with connect(url) as connection:
        connection.sendall(HEALTH)
        if not connection.recv(65_536).startswith(b"HTTP/1.1 200"):
            raise BenchError(f"after {attack} the server did not answer as before")
