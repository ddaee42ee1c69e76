"""The access log, with a line for each request, and the headers of every answer."""

import itertools
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from parlour.api.exchange import RequestTrace
from parlour.logs import event_writer

AsgiScope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
AsgiApp = Callable[[AsgiScope, Receive, Send], Awaitable[None]]

OK = 200
NOT_SERVED = "not served"
# Sent with every answer, errors too (contract: messages.md §1.1).
COMMON_HEADERS = (
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Allow-Headers",
        (
            "Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Match, "
            "If-Unmodified-Since, Idempotency-Key, X-Twilio-Webhook-Enabled"
        ),
    ),
    ("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS"),
    ("Access-Control-Expose-Headers", "ETag, Twilio-Request-Id"),
    ("Access-Control-Allow-Credentials", "true"),
    ("X-Shenanigans", "none"),
)


# They are asked for every few seconds. One that fails is logged like any other request.
HEALTH_CHECKS = frozenset({"/healthz", "/readyz"})


class AccessLog:
    """Gives each request an id, measures it and logs it. Values in its path or form are not logged."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._in_progress = 0
        # Request ids are a random prefix and a count, because a random number takes a system call.
        self._prefix = f"RQ{secrets.token_hex(8)}"
        self._count = itertools.count()
        self._log, self._log_health_check = event_writer(), event_writer("debug")
        self._log_unserved = event_writer("warning")

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        trace = scope["trace"] = RequestTrace(f"{self._prefix}{next(self._count):016x}")
        self._in_progress += 1

        async def send_traced(message: Any) -> None:
            if message["type"] == "http.response.start":
                trace.status = message["status"]
                message["headers"] = [*message["headers"], *self._headers(trace, started)]
            await send(message)

        try:
            await self._app(scope, receive, send_traced)
        finally:
            self._in_progress -= 1
            is_routine = scope["path"] in HEALTH_CHECKS and trace.status == OK
            log = self._log_health_check if is_routine else self._log
            line = {
                "event": "request",
                "request_id": trace.request_id,
                "method": scope["method"],
                "route": trace.route,
                "status": trace.status,
                "error_code": trace.error_code,
                "account_sid": trace.account_sid,
                "milliseconds": round((time.perf_counter() - started) * 1_000, 2),
            }
            if trace.unserved is not None:
                log, line = self._log_unserved, line | {"route": trace.unserved, "reason": NOT_SERVED}
            log(line)

    def _headers(self, trace: RequestTrace, started: float) -> list[tuple[bytes, bytes]]:
        return [
            (b"twilio-request-id", trace.request_id.encode()),
            (b"twilio-request-duration", b"%.3f" % (time.perf_counter() - started)),
            (b"twilio-concurrent-requests", b"%d" % self._in_progress),
        ]
