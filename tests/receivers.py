"""A receiver of webhooks: real HTTP on loopback, that answers as a test wants and remembers what came."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from twilio.request_validator import RequestValidator

from tests.servers import AUTH_TOKEN

WAIT_SECONDS = 30
# Between the pieces of an answer that comes in pieces.
PIECE_SECONDS = 0.1


class Hook:
    """One request that came."""

    def __init__(self, method, url, headers, body):
        self.method, self.url, self.headers = method, url, headers
        self.path = urlsplit(url).path
        pairs = urlsplit(url).query if method == "GET" else body
        self.parameters = dict(parse_qsl(pairs, keep_blank_values=True))
        self.event = self.parameters.get("EventType")
        signed = dict(parse_qsl(body, keep_blank_values=True)) if method == "POST" else {}
        self.is_signed = RequestValidator(AUTH_TOKEN).validate(
            url, signed, headers.get("X-Twilio-Signature", "")
        )

    @property
    def token(self):
        return self.headers["I-Twilio-Idempotency-Token"]


class Receiver:
    """`answer(hook)` gives a status, a body and perhaps headers, or None to close the connection.

    `headers` go with every answer.
    """

    def __init__(self, port=0):
        self.hooks = []
        self.answer = lambda hook: (200, b"")
        self.headers = {}
        # Bytes that its answers announce and never have: then the connection is closed.
        self.cut_off = 0
        self._came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer_request(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                host = self.headers["Host"]
                receiver.take(self, Hook(self.command, f"http://{host}{self.path}", self.headers, body))

            do_GET = do_POST = answer_request  # noqa: N815 - the names that the server looks for

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 1_000
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def take(self, handler, hook):
        with self._came:
            self.hooks.append(hook)
            self._came.notify_all()
        answered = self.answer(hook)
        if answered is None:
            handler.close_connection = True
            return
        status, body, *more = answered
        handler.send_response(status)
        for name, value in more[0].items() if more else ():
            handler.send_header(name, value)
        pieces = [body] if isinstance(body, bytes) else body
        handler.send_header("Content-Length", str(sum(map(len, pieces)) + self.cut_off))
        handler.close_connection = handler.close_connection or self.cut_off > 0
        redirect = {"Location": f"{self.url}/elsewhere"} if 300 <= status < 400 else {}
        for name, value in {**redirect, **self.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        for piece in pieces:
            handler.wfile.write(piece)
            handler.wfile.flush()
            if piece is not pieces[-1]:
                threading.Event().wait(PIECE_SECONDS)

    def wait_for(self, count, event=None):
        """The first `count` requests, of one event if it is named."""

        def found():
            return [hook for hook in self.hooks if event is None or hook.event == event]

        with self._came:
            assert self._came.wait_for(lambda: len(found()) >= count, WAIT_SECONDS), self.events()
            return found()[:count]

    def events(self):
        return [hook.event for hook in self.hooks]

    def answer_json(self, value, status=200):
        self.answer = lambda hook: (status, json.dumps(value).encode())

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
