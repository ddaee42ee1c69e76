"""A receiver of webhooks: it takes whatever is posted to it, keeps it, and answers as it is told."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

POLL_SECONDS = 0.02
WAIT_SECONDS = 5.0


@dataclass(frozen=True)
class Received:
    """One request: what its form or its query said, and how it came."""

    event_type: str | None
    parameters: dict[str, str]
    headers: dict[str, str]
    method: str
    path: str
    body: str


class Receiver:
    """`received` holds all that came; `wait_for` gives each of it once, in the order of its coming."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._unclaimed: list[Received] = []
        self._answer: tuple[int, str, str] = (200, "", "application/json")
        self._came = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/"

    def answer(self, status: int = 200, body: str = "", content_type: str = "application/json") -> None:
        """How it answers from now on."""
        self._answer = (status, body, content_type)

    def wait_for(
        self, event_type: str | None = None, timeout_seconds: float = WAIT_SECONDS, **parameters: str
    ) -> Received:
        """The first that came and was not given yet, of this type and with these parameters."""

        def find() -> Received | None:
            return next((each for each in self._unclaimed if fits(each, event_type, parameters)), None)

        with self._came:
            found = self._came.wait_for(find, timeout_seconds)
            if found is None:
                came = ", ".join(each.event_type or each.path for each in self.received) or "nothing"
                raise AssertionError(f"no {event_type or 'request'} came in {timeout_seconds} s; {came} did")
            self._unclaimed.remove(found)
            return found

    def take(self, received: Received) -> tuple[int, str, str]:
        with self._came:
            self.received.append(received)
            self._unclaimed.append(received)
            self._came.notify_all()
            return self._answer

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def fits(received: Received, event_type: str | None, parameters: dict[str, str]) -> bool:
    if event_type is not None and received.event_type != event_type:
        return False
    return all(received.parameters.get(name) == value for name, value in parameters.items())


def handler_of(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode(errors="replace")
            query = urlsplit(self.path).query
            parameters = dict(parse_qsl(f"{query}&{body}", keep_blank_values=True))
            status, text, content_type = receiver.take(
                Received(
                    parameters.get("EventType"),
                    parameters,
                    dict(self.headers.items()),
                    self.command,
                    self.path,
                    body,
                )
            )
            encoded = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: Any) -> None: ...

    return Handler
