"""Records the last requests in memory, for tests of what an application sends."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from parlour.api.access_log import AsgiApp, AsgiScope, Receive, Send
from parlour.control.refusals import Refusals
from parlour.wire.field_types import show_millisecond

MAX_RECORDED = 1_000
MAX_BODY_BYTES = 65_536
API_PATHS = b"/v1/"


class RecordedRequest(msgspec.Struct):
    """One request. `status` is None if no answer was sent; bodies are None unless they are recorded.

    `unserved` is the template of a path of the original that is not served yet.
    """

    id: int
    date: str
    method: str
    path: str
    query: str
    operation: str | None
    unserved: str | None
    status: int | None
    error_code: int | None
    milliseconds: float
    request_body: str | None = None
    response_body: str | None = None


class RequestRecorder:
    """Records the requests to the application that it wraps. Ids count from 1."""

    def __init__(self, clock: Callable[[], int], refusals: Refusals, *, keep_bodies: bool) -> None:
        self._clock, self._refusals, self._keep_bodies = clock, refusals, keep_bodies
        self._recorded: deque[RecordedRequest] = deque(maxlen=MAX_RECORDED)
        self._count = 0
        self._changed = asyncio.Event()

    def clear(self) -> None:
        self._recorded.clear()

    async def after(self, number: int, wait_seconds: float) -> list[RecordedRequest]:
        """Return the requests after the one with the id `number`; if there are none, wait for one."""
        if wait_seconds and not self._later(number):
            try:
                await asyncio.wait_for(self._changed.wait(), wait_seconds)
            except TimeoutError:
                return []
        return self._later(number)

    def _later(self, number: int) -> list[RecordedRequest]:
        return [each for each in self._recorded if each.id > number]

    def wrap(self, app: AsgiApp) -> AsgiApp:
        async def recording(scope: AsgiScope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["raw_path"].startswith(API_PATHS):
                await app(scope, receive, send)
                return
            request_body, response_body = RecordedBody(), RecordedBody()
            loop = asyncio.get_running_loop()
            started, date = loop.time(), self._clock()
            streams = (receive, send)
            if self._keep_bodies:
                streams = request_body.recording_receive(receive), response_body.recording_send(send)
            try:
                await app(scope, *streams)
            finally:
                self._record(scope, date, loop.time() - started, request_body, response_body)

        return recording

    def _record(
        self,
        scope: AsgiScope,
        date: int,
        seconds: float,
        request_body: "RecordedBody",
        response_body: "RecordedBody",
    ) -> None:
        trace = scope["trace"]
        if trace.unserved is not None:
            self._refusals.add_path(scope["method"], trace.unserved)
        self._count += 1
        self._recorded.append(
            RecordedRequest(
                id=self._count,
                date=show_millisecond(date),
                method=scope["method"],
                path=scope["raw_path"].decode("latin-1"),
                query=scope["query_string"].decode("latin-1"),
                operation=None if trace.route is None else f"{scope['method']} {trace.route}",
                unserved=trace.unserved,
                status=trace.status,
                error_code=trace.error_code,
                milliseconds=round(seconds * 1_000, 2),
                request_body=request_body.text() if self._keep_bodies else None,
                response_body=response_body.text() if self._keep_bodies else None,
            )
        )
        self._changed.set()
        self._changed = asyncio.Event()


class RecordedBody:
    """The first MAX_BODY_BYTES of a body that is read or sent."""

    def __init__(self) -> None:
        self._bytes = b""

    def text(self) -> str:
        return self._bytes.decode(errors="replace")

    def recording_receive(self, receive: Receive) -> Receive:
        async def recording() -> Any:
            event = await receive()
            self._add(event)
            return event

        return recording

    def recording_send(self, send: Send) -> Send:
        async def recording(event: Any) -> None:
            self._add(event)
            await send(event)

        return recording

    def _add(self, event: Any) -> None:
        if len(self._bytes) < MAX_BODY_BYTES:
            self._bytes += bytes(event.get("body") or b"")[:MAX_BODY_BYTES]
