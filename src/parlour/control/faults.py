"""Faults that tests ask for: late, refused, dropped and lost answers, before or after the commit."""

import asyncio
import fnmatch
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec

from parlour import errors
from parlour.api.access_log import AsgiApp, AsgiScope, Receive, Send
from parlour.api.body import JSON
from parlour.control.bodies import MAX_NUMBER, ControlBody
from parlour.errors import Problem

API_PATHS = b"/v1/"
ANY = "*"
LONGEST_SECONDS = 24 * 60 * 60.0
MAX_PATTERN_CHARACTERS = 1_024
# How long a lost answer keeps its connection open by default. The server's stop waits for it.
LOST_SECONDS = 10.0

FaultKind = Literal["latency", "status", "drop_before", "drop_after", "lose_answer"]

# The original service's own errors, where they are known (contract: rest-of-api.md).
BY_STATUS = {
    429: errors.TOO_MANY_REQUESTS,
    500: errors.INTERNAL_ERROR,
    503: errors.SERVICE_UNAVAILABLE,
}


class FaultBody(ControlBody, kw_only=True):
    """A fault as a test asks for it.

    Of the requests that match `method` and the pattern `path`, the first `skip` are not affected. After
    them, the share `rate` of the requests is affected, evenly spread, until `count` are. `seconds` is the
    delay of a latency, and the time for which a lost answer keeps its connection open.
    """

    kind: FaultKind
    method: str = ANY
    path: str = ANY
    status: int = 503
    seconds: float = 0
    skip: int = 0
    rate: float = 1
    count: int | None = None

    def check(self) -> None:
        if not 400 <= self.status < 600:  # noqa: PLR2004 - statuses of errors
            raise ValueError("status must be that of an error, 400 to 599")
        if not 0 <= self.seconds <= LONGEST_SECONDS:
            raise ValueError(f"seconds must be from 0 to {LONGEST_SECONDS:.0f}")
        if not 0 <= self.rate <= 1:
            raise ValueError("rate must be from 0 to 1")
        if not (0 <= self.skip <= MAX_NUMBER and 0 <= (self.count or 0) <= MAX_NUMBER):
            raise ValueError(f"skip and count must be from 0 to {MAX_NUMBER}")
        if max(len(self.path), len(self.method)) > MAX_PATTERN_CHARACTERS:
            raise ValueError(f"path and method must have at most {MAX_PATTERN_CHARACTERS} characters")


class Fault(FaultBody, kw_only=True):
    """An active fault, with the numbers of requests that it has matched and affected."""

    matched: int = 0
    struck: int = 0

    def strikes(self, method: str, path: str) -> bool:
        if self.method not in {ANY, method} or not fnmatch.fnmatchcase(path, self.path):
            return False
        if self.count is not None and self.struck >= self.count:
            return False
        self.matched += 1
        beyond = self.matched - self.skip
        # Evenly spread and reproducible: a rate of 0.25 affects every fourth request.
        strikes = beyond > 0 and int(beyond * self.rate) > int((beyond - 1) * self.rate)
        self.struck += strikes
        return strikes


class FaultInjector:
    """Holds the active faults, and makes them happen in the application that it wraps."""

    def __init__(self) -> None:
        self._numbers = 0
        self.active: dict[int, Fault] = {}

    def add(self, fault: Fault) -> int:
        self._numbers += 1
        self.active[self._numbers] = fault
        return self._numbers

    def clear(self) -> None:
        self.active.clear()

    def wrap(self, app: AsgiApp) -> AsgiApp:
        async def faulty(scope: AsgiScope, receive: Receive, send: Send) -> None:
            striking = self._striking(scope) if self.active and scope["type"] == "http" else []
            for fault in striking:
                if fault.kind == "latency":
                    await asyncio.sleep(fault.seconds)
            final = next((fault for fault in striking if fault.kind != "latency"), None)
            if final is None:
                await app(scope, receive, send)
            else:
                await FAULT_HANDLERS[final.kind](final, app, scope, receive, send)

        return faulty

    def _striking(self, scope: AsgiScope) -> list[Fault]:
        if not scope["raw_path"].startswith(API_PATHS):
            return []
        path = scope["raw_path"].decode("latin-1")
        return [fault for fault in self.active.values() if fault.strikes(scope["method"], path)]


async def answer_status(fault: Fault, _: AsgiApp, __: AsgiScope, ___: Receive, send: Send) -> None:
    problem = BY_STATUS.get(
        fault.status, Problem(20000 + fault.status, fault.status, "A fault, as asked for")
    )
    headers = [(b"content-type", JSON.encode())]
    if problem is errors.TOO_MANY_REQUESTS:
        headers.append((b"retry-after", b"1"))
    body = msgspec.json.encode(problem().body())
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": fault.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def drop_before(_: Fault, __: AsgiApp, scope: AsgiScope, receive: Receive, ___: Send) -> None:
    await drop(scope, receive)


async def drop_after(_: Fault, app: AsgiApp, scope: AsgiScope, receive: Receive, __: Send) -> None:
    await app(scope, receive, discard)
    await drop(scope, receive)


async def lose_answer(fault: Fault, app: AsgiApp, scope: AsgiScope, receive: Receive, _: Send) -> None:
    """Handle the request, and let the caller wait for an answer that never comes."""
    await app(scope, receive, discard)
    try:
        await asyncio.wait_for(wait_for_disconnect(receive), fault.seconds or LOST_SECONDS)
    except TimeoutError:
        await drop(scope, receive)


async def discard(_: Any) -> None: ...


async def drop(scope: AsgiScope, receive: Receive) -> None:
    scope["parlour.drop"]()
    await wait_for_disconnect(receive)


async def wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


FAULT_HANDLERS: dict[FaultKind, Callable[[Fault, AsgiApp, AsgiScope, Receive, Send], Awaitable[None]]] = {
    "status": answer_status,
    "drop_before": drop_before,
    "drop_after": drop_after,
    "lose_answer": lose_answer,
}
