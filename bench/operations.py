"""What is asked of every subject, and at how many connections."""

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

# Without a percent sign, where numbers are put into the path.
PLAIN_FORM = "Body=Shall+we+meet+at+the+old+mill+around+seven&Author=tester"

NAMES = ("create", "fetch", "list")
PAGE_SIZE = 50
# The targets are about this many; reads that no kept answer can serve are measured here only.
TARGET_CONNECTIONS = 32
MAX_FRESH = 1_000_000_000

TIMEOUT_SECONDS = 60
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Request:
    """One kind of request; `path` has a %-place for a number of each range, drawn anew each time.

    One that `tells` asks for webhooks.
    """

    method: str
    path: str
    form: str = ""
    ranges: tuple[tuple[int, int], ...] = ()
    tells: bool = False
    content_type: str = FORM_TYPE

    @property
    def headers(self) -> dict[str, str]:
        kind = {"Content-Type": self.content_type} if self.form else {}
        hooks = {"X-Twilio-Webhook-Enabled": "true"} if self.tells else {}
        return {"Authorization": AUTHORIZATION, **kind, **hooks}

    @property
    def example(self) -> str:
        return self.path % tuple(least for least, _ in self.ranges)


def requests_for(messages_path: str, messages: int) -> dict[str, Request]:
    """The requests by name, for a conversation that was filled with the messages 1 to `messages`.

    Parlour keeps the answers to reads while their conversation is unchanged. Requests that are
    called "any" are for random messages, and a number in the query that means nothing makes each
    one new, so that no kept answer serves it.
    """
    fresh = (0, MAX_FRESH)
    page = f"{messages_path}?PageSize={PAGE_SIZE}"
    middle = (messages // 4, messages * 3 // 4)
    return {
        "create": Request("POST", messages_path, FORM),
        "fetch": Request("GET", f"{messages_path}/IM{messages // 2:032x}"),
        "fetch any": Request("GET", f"{messages_path}/IM%032x?Fresh=%d", ranges=((1, messages), fresh)),
        "list": Request("GET", page),
        "list any": Request("GET", f"{page}&Page=1&PageToken=PT%d&Fresh=%d", ranges=(middle, fresh)),
    }


def cases(only: tuple[str, ...], connections: tuple[int, ...]) -> list[tuple[str, int]]:
    """Names of requests, each with a number of connections."""
    chosen: list[tuple[str, int]] = []
    for name in NAMES:
        if name in only:
            chosen += [(name, count) for count in connections]
            if name != "create" and TARGET_CONNECTIONS in connections:
                chosen.append((f"{name} any", TARGET_CONNECTIONS))
    return chosen


def ask(url: str, request: Request) -> bytes:
    asked = urllib.request.Request(
        url + request.example,
        method=request.method,
        headers=request.headers,
        data=request.form.encode() if request.form else None,
    )
    try:
        with DIRECT.open(asked, timeout=TIMEOUT_SECONDS) as answer:
            body: bytes = answer.read()
    except OSError as error:
        raise BenchError(f"{request.method} {asked.full_url}: {error}") from None
    return body


def ask_json(url: str, request: Request) -> dict[str, Any]:
    answered: dict[str, Any] = json.loads(ask(url, request))
    return answered
