"""The requests that are measured, and at how many connections."""

import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from bench.errors import BenchError

ACCOUNT_SID = "AC" + "b" * 32
AUTH_TOKEN = "5" * 32
AUTHORIZATION = "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()
FORM_TYPE = "application/x-www-form-urlencoded"
FORM = "Body=Shall%20we%20meet%20at%20the%20old%20mill%2C%20around%20seven%3F&Author=tester%40example.com"

NAMES = ("create", "fetch", "list")
# The names of requests in the report.
LABELS = {
    "create": "Create",
    "fetch": "Fetch",
    "list": "List 50",
    "fetch any": "Fetch (any)",
    "list any": "List 50 (any)",
}
PAGE_SIZE = 50
# Targets are for this many connections. Reads that no cache can serve are measured with this many only.
TARGET_CONNECTIONS = 32
MAX_RANDOM = 1_000_000_000

TIMEOUT_SECONDS = 60
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Request:
    """One kind of request.

    `path` is a format with a place for each of `ranges`, which gets a new random number for each request.
    With `fires_webhooks`, the request asks for webhooks.
    """

    method: str
    path: str
    form: str = ""
    ranges: tuple[tuple[int, int], ...] = ()
    fires_webhooks: bool = False
    content_type: str = FORM_TYPE

    @property
    def headers(self) -> dict[str, str]:
        kind = {"Content-Type": self.content_type} if self.form else {}
        webhooks = {"X-Twilio-Webhook-Enabled": "true"} if self.fires_webhooks else {}
        return {"Authorization": AUTHORIZATION, **kind, **webhooks}

    @property
    def example(self) -> str:
        return self.path % tuple(least for least, _ in self.ranges)


def requests_for(messages_path: str, messages: int) -> dict[str, Request]:
    """Return the requests by name, for a conversation with the messages 1 to `messages`.

    Parlour caches the answers to reads until the conversation changes. The requests called "any" are for
    random messages, and have a random number in the query that means nothing, so that the cache never has
    the answer.
    """
    random_number = (0, MAX_RANDOM)
    page = f"{messages_path}?PageSize={PAGE_SIZE}"
    middle = (messages // 4, messages * 3 // 4)
    return {
        "create": Request("POST", messages_path, FORM),
        "fetch": Request("GET", f"{messages_path}/IM{messages // 2:032x}"),
        "fetch any": Request(
            "GET", f"{messages_path}/IM%032x?Fresh=%d", ranges=((1, messages), random_number)
        ),
        "list": Request("GET", page),
        "list any": Request("GET", f"{page}&Page=1&PageToken=PT%d&Fresh=%d", ranges=(middle, random_number)),
    }


def cases(only: tuple[str, ...], connections: tuple[int, ...]) -> list[tuple[str, int]]:
    """Return the requests to measure, by name, each with a number of connections."""
    chosen: list[tuple[str, int]] = []
    for name in NAMES:
        if name in only:
            chosen += [(name, count) for count in connections]
            if name != "create" and TARGET_CONNECTIONS in connections:
                chosen.append((f"{name} any", TARGET_CONNECTIONS))
    return chosen


def send_request(url: str, request: Request) -> bytes:
    prepared = urllib.request.Request(
        url + request.example,
        method=request.method,
        headers=request.headers,
        data=request.form.encode() if request.form else None,
    )
    try:
        with DIRECT.open(prepared, timeout=TIMEOUT_SECONDS) as answer:
            body: bytes = answer.read()
    except OSError as error:
        raise BenchError(f"{request.method} {prepared.full_url}: {error}") from None
    return body


def request_json(url: str, request: Request) -> dict[str, Any]:
    answered: dict[str, Any] = json.loads(send_request(url, request))
    return answered
