"""The memory that a client without credentials can make the server use, by requests that never end."""

import contextlib
import socket
from pathlib import Path
from urllib.parse import urlsplit

from bench import report
from bench.errors import BenchError
from bench.servers import Memory, running_parlour

# What one attack sends at most. The server usually stops reading, or closes the connection, before.
SENT_BYTES = 48 * 1_048_576
# An attack ends after the server has read nothing for this long.
STALLED_SECONDS = 0.5
# Connections that are open at a time in the middle of a request.
HALF_SENT = 300

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n"
CHUNKED = b"POST /v1/Conversations HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
HALF_A_BODY = CHUNKED + b"fffff\r\n" + b"x" * 60_000
# How each request begins, and the bytes that follow again and again.
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
    """Return the server's memory after each attack. Empty on systems without /proc."""
    attacks_folder = folder / "attacks"
    attacks_folder.mkdir()
    found = {}
    with running_parlour(attacks_folder, attacks_folder / "parlour.db") as parlour:
        for name, (start, more) in ENDLESS.items():
            with connect(parlour.url) as connection:
                send_without_reading(connection, start, more)
                ensure_healthy(parlour.url, name)
                memory = parlour.memory()
            if memory is not None:
                found[name] = memory
        with contextlib.ExitStack() as stack:
            for _ in range(HALF_SENT):
                waiting = stack.enter_context(connect(parlour.url))
                waiting.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    waiting.send(HALF_A_BODY)
            ensure_healthy(parlour.url, "half bodies")
            if (memory := parlour.memory()) is not None:
                found[f"{HALF_SENT} half bodies"] = memory
    report.echo_attacks(found)
    return found


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname or "", address.port or 80), timeout=30)


def send_without_reading(connection: socket.socket, start: bytes, more: bytes) -> None:
    """Send SENT_BYTES. Stops when the server reads nothing for STALLED_SECONDS or closes the connection."""
    connection.settimeout(STALLED_SECONDS)
    # Over TLS the end of a connection is an error of its own.
    with contextlib.suppress(OSError):
        connection.sendall(start)
        for _ in range(SENT_BYTES // len(more)):
            connection.sendall(more)


def ensure_healthy(url: str, attack: str) -> None:
    with connect(url) as connection:
        connection.sendall(HEALTH)
        if not connection.recv(65_536).startswith(b"HTTP/1.1 200"):
            raise BenchError(f"after the attack {attack!r} the server did not answer a health check")
