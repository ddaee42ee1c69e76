"""A load generator for machines without wrk: connections on uvloop, responses parsed by httptools.

The HTTP clients and load testers on PyPI spend more time on a request than Parlour does, so with them a
benchmark would measure the client.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import httptools
import uvloop

from bench.load import LoadResult, checked_result
from bench.operations import Request

SUCCESSES = range(200, 300)
# How long after the end of a load an answer may come: a slow answer is a result, not an error.
GRACE_SECONDS = 60


class LoadRun:
    """The state that all connections of a load share."""

    def __init__(self, make_request: Callable[[], bytes], until: float) -> None:
        self.make_request, self.until = make_request, until
        self.seconds: list[float] = []
        self.failures = 0


class Connection(asyncio.Protocol):
    """Sends a request, waits for the answer and sends the next one, until the time is over."""

    def __init__(self, run: LoadRun) -> None:
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self._run.seconds.append(now - self._sent_at)
        self._run.failures += self._parser.get_status_code() not in SUCCESSES
        if now < self._run.until:
            self._send()
        else:
            self.done.set_result(None)
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self._run.failures += 1
            self.done.set_result(None)

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(self._run.make_request())


def load_with_python(url: str, request: Request, connections: int, seconds: int) -> LoadResult:
    started = time.perf_counter()
    address = urlsplit(url)
    run = LoadRun(request_maker(request, address.netloc), started + seconds)
    uvloop.run(connect(run, address.hostname or "", address.port or 80, connections))
    spent = time.perf_counter() - started
    milliseconds = sorted(each * 1_000 for each in run.seconds) or [0.0]
    p50, p99 = (milliseconds[len(milliseconds) * percent // 100] for percent in (50, 99))
    return checked_result(len(run.seconds), run.failures, spent, p50, p99)


async def connect(run: LoadRun, host: str, port: int, connections: int) -> None:
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(lambda: Connection(run), host, port) for _ in range(connections)]
    _, unanswered = await asyncio.wait(
        [each.done for _, each in opened], timeout=run.until + GRACE_SECONDS - time.perf_counter()
    )
    run.failures += len(unanswered)


def request_maker(request: Request, host: str) -> Callable[[], bytes]:
    """Return a function that makes the bytes of a request, each time with new random numbers in the path."""
    headers = {"Host": host} | request.headers
    if request.form:
        headers["Content-Length"] = str(len(request.form))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    def encode(path: str) -> bytes:
        return f"{request.method} {path} HTTP/1.1\r\n{lines}\r\n{request.form}".encode()

    if not request.ranges:
        encoded = encode(request.path)
        return lambda: encoded
    return lambda: encode(request.path % tuple(random.randint(*each) for each in request.ranges))
