"""A receiver of webhooks: records every request, and answers as set by the test."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

POLL_SECONDS = 0.02
WAIT_SECONDS = 5.0


@dataclass(frozen=True)
class Received:
    """One request. `parameters` are those of its form and its query."""

    event_type: str | None
    parameters: dict[str, str]
    headers: dict[str, str]
    method: str
    path: str
    body: str


class Receiver:
    """`received` has all requests so far. `wait_for` returns each of them once, in their order."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._unclaimed: list[Received] = []
        self._answer: tuple[int, str, str] = (200, "", "application/json")
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_class(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/"

    def answer(self, status: int = 200, body: str = "", content_type: str = "application/json") -> None:
        """Set the answer to all later requests."""
        self._answer = (status, body, content_type)

    def wait_for(
        self, event_type: str | None = None, timeout_seconds: float = WAIT_SECONDS, **parameters: str
    ) -> Received:
        """Return the first request with this type and these parameters that was not returned before.

        Raises AssertionError if none comes in time.
        """

        def find() -> Received | None:
            return next((each for each in self._unclaimed if matches(each, event_type, parameters)), None)

        with self._arrived:
            found = self._arrived.wait_for(find, timeout_seconds)
            if found is None:
                received = ", ".join(each.event_type or each.path for each in self.received) or "nothing"
                wanted = event_type or "request"
                raise AssertionError(f"no {wanted} came in {timeout_seconds} s; received so far: {received}")
            self._unclaimed.remove(found)
            return found

    def record(self, received: Received) -> tuple[int, str, str]:
        with self._arrived:
            self.received.append(received)
            self._unclaimed.append(received)
            self._arrived.notify_all()
            return self._answer

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def matches(received: Received, event_type: str | None, parameters: dict[str, str]) -> bool:
    if event_type is not None and received.event_type != event_type:
        return False
    return all(received.parameters.get(name) == value for name, value in parameters.items())


def handler_class(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class ReceiverHandler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode(errors="replace")
            query = urlsplit(self.path).query
            parameters = dict(parse_qsl(f"{query}&{body}", keep_blank_values=True))
            status, text, content_type = receiver.record(
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

    return ReceiverHandler
