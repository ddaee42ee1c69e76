"""What every answer carries and every request leaves in the log."""

import secrets
import time

import structlog
from falcon.asgi import Request, Response

log = structlog.get_logger()

# On every answer, whatever it is (contract: messages.md §1.1).
STANDING_HEADERS = (
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


class Telemetry:
    """Gives each request an id, measures it and logs it, without any value of its path or form."""

    def __init__(self) -> None:
        self._under_way = 0

    async def process_request(self, request: Request, _: Response) -> None:
        self._under_way += 1
        request.context.request_id = f"RQ{secrets.token_hex(16)}"
        request.context.started = time.perf_counter()

    async def process_response(self, request: Request, response: Response, _: object, __: bool) -> None:
        context = request.context
        seconds = time.perf_counter() - context.started
        response.set_headers(
            {
                "Twilio-Request-Id": context.request_id,
                "Twilio-Request-Duration": f"{seconds:.3f}",
                "Twilio-Concurrent-Requests": str(self._under_way),
            }
        )
        self._under_way -= 1
        log.info(
            "request",
            request_id=context.request_id,
            method=request.method,
            route=getattr(context, "route", request.uri_template),
            status=response.status_code,
            error_code=getattr(context, "error_code", None),
            account_sid=getattr(context, "account_sid", None),
            milliseconds=round(seconds * 1_000, 2),
        )
