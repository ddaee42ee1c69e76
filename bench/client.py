"""The load where wrk is not there: connections on uvloop, with httptools to read the answers.

It is lighter than the HTTP clients and load testers of PyPI, which would spend more on each request
than Parlour does and so measure themselves.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import httptools
import uvloop

from bench.load import Outcome, outcome
from bench.operations import Request

SUCCESSES = range(200, 300)
# How much longer than the load an answer may take: a slow one is a figure, not an error.
PATIENCE_SECONDS = 60


class Run:
    """What all connections of a load share."""

    def __init__(self, draw: Callable[[], bytes], until: float) -> None:
        self.draw, self.until = draw, until
        self.seconds: list[float] = []
        self.failures = 0


class Connection(asyncio.Protocol):
    """Asks, waits for the answer, asks again, until the time is over."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._asked = 0.0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self._run.seconds.append(now - self._asked)
        self._run.failures += self._parser.get_status_code() not in SUCCESSES
        if now < self._run.until:
            self._ask()
        else:
            self.over.set_result(None)
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.over.done():
            self._run.failures += 1
            self.over.set_result(None)

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self._run.draw())


def load_with_python(url: str, request: Request, connections: int, seconds: int) -> Outcome:
    started = time.perf_counter()
    address = urlsplit(url)
    run = Run(drawing(request, address.netloc), started + seconds)
    uvloop.run(connect(run, address.hostname or "", address.port or 80, connections))
    spent = time.perf_counter() - started
    milliseconds = sorted(each * 1_000 for each in run.seconds) or [0.0]
    p50, p99 = (milliseconds[len(milliseconds) * percent // 100] for percent in (50, 99))
    return outcome(len(run.seconds), run.failures, spent, p50, p99)


async def connect(run: Run, host: str, port: int, connections: int) -> None:
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(lambda: Connection(run), host, port) for _ in range(connections)]
    _, silent = await asyncio.wait(
        [each.over for _, each in opened], timeout=run.until + PATIENCE_SECONDS - time.perf_counter()
    )
    run.failures += len(silent)


def drawing(request: Request, host: str) -> Callable[[], bytes]:
    """Makes the request's bytes, with new numbers in its path each time."""
    headers = {"Host": host} | request.headers
    if request.form:
        headers["Content-Length"] = str(len(request.form))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    def written(path: str) -> bytes:
        return f"{request.method} {path} HTTP/1.1\r\n{lines}\r\n{request.form}".encode()

    if not request.ranges:
        ready = written(request.path)
        return lambda: ready
    return lambda: written(request.path % tuple(random.randint(*each) for each in request.ranges))
