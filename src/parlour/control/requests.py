"""The last requests that were answered, in memory, for whoever wonders what an application sent."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from parlour.api.access_log import Asgi, Receive, Scope, Send
from parlour.wire.field_types import show_millisecond

KEPT_REQUESTS = 1_000
MAX_BODY_BYTES = 65_536
SERVED = b"/v1/"


class Seen(msgspec.Struct):
    """One request; `status` is None where no answer was sent, bodies are None unless they are kept."""

    id: int
    date: str
    method: str
    path: str
    query: str
    operation: str | None
    status: int | None
    error_code: int | None
    milliseconds: float
    request_body: str | None = None
    response_body: str | None = None


class Requests:
    """`around` an application it remembers what passes."""

    def __init__(self, clock: Callable[[], int], *, keep_bodies: bool) -> None:
        self._clock, self._keep_bodies = clock, keep_bodies
        self._seen: deque[Seen] = deque(maxlen=KEPT_REQUESTS)
        self._count = 0
        self._news = asyncio.Event()

    def clear(self) -> None:
        self._seen.clear()

    async def after(self, number: int, wait_seconds: float) -> list[Seen]:
        """Those later than `number`; when there are none, waits for one."""
        if wait_seconds and not self._later(number):
            try:
                await asyncio.wait_for(self._news.wait(), wait_seconds)
            except TimeoutError:
                return []
        return self._later(number)

    def _later(self, number: int) -> list[Seen]:
        return [each for each in self._seen if each.id > number]

    def around(self, app: Asgi) -> Asgi:
        async def remembering(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["raw_path"].startswith(SERVED):
                await app(scope, receive, send)
                return
            asked, answered = Body(), Body()
            loop = asyncio.get_running_loop()
            started, date = loop.time(), self._clock()
            ways = (receive, send)
            if self._keep_bodies:
                ways = asked.received(receive), answered.sent(send)
            try:
                await app(scope, *ways)
            finally:
                self._remember(scope, date, loop.time() - started, asked, answered)

        return remembering

    def _remember(self, scope: Scope, date: int, seconds: float, asked: "Body", answered: "Body") -> None:
        trace = scope["trace"]
        self._count += 1
        self._seen.append(
            Seen(
                id=self._count,
                date=show_millisecond(date),
                method=scope["method"],
                path=scope["raw_path"].decode("latin-1"),
                query=scope["query_string"].decode("latin-1"),
                operation=None if trace.route is None else f"{scope['method']} {trace.route}",
                status=trace.status,
                error_code=trace.error_code,
                milliseconds=round(seconds * 1_000, 2),
                request_body=asked.text() if self._keep_bodies else None,
                response_body=answered.text() if self._keep_bodies else None,
            )
        )
        self._news.set()
        self._news = asyncio.Event()


class Body:
    """What passes of a body, up to a length."""

    def __init__(self) -> None:
        self._bytes = b""

    def text(self) -> str:
        return self._bytes.decode(errors="replace")

    def received(self, receive: Receive) -> Receive:
        async def listening() -> Any:
            event = await receive()
            self._add(event)
            return event

        return listening

    def sent(self, send: Send) -> Send:
        async def listening(event: Any) -> None:
            self._add(event)
            await send(event)

        return listening

    def _add(self, event: Any) -> None:
        if len(self._bytes) < MAX_BODY_BYTES:
            self._bytes += bytes(event.get("body") or b"")[:MAX_BODY_BYTES]
