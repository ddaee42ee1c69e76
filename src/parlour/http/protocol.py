"""uvicorn's HTTP protocol with limits: one request at a time, deadlines, and errors as the API's JSON."""

import asyncio
from math import inf
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from parlour import errors
from parlour.http import request_head
from parlour.http.connections import LINGER_SECONDS, Connections
from parlour.http.framing import Framing
from parlour.http.transport import BatchedTransport, PausableFlow, error_response

# A body that brings less than this within `body_seconds` has stopped.
MIN_BODY_BYTES = 1_024

# The phases of a connection. Numbers, because an Enum's members are slow to look up, many times a request.
HEAD = 0  # waits for a request, or for the rest of its head
BODY = 1  # waits for the rest of a request's body
ANSWER = 2  # waits for the application's answer
END = 3  # was refused: waits for the client to close, and discards what it still sends


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which parses a request only after the one before it was answered.

    Until then nothing more is read, so a client that does not read its answers fills its own buffers
    and not the server's memory. The parser gets the bytes in pieces that end where a request can end.
    """

    flow: PausableFlow

    def __init__(self, *args: Any, connections: Connections, is_inner: bool = False, **options: Any) -> None:
        """An inner connection comes from the server's own proxy, which has counted it already."""
        super().__init__(*args, **options)
        self._connections, self._limits, self._is_inner = connections, connections.limits, is_inner
        self.deadline, self._phase, self._head_seconds = inf, HEAD, self._limits.head_seconds
        # Bytes that wait until the current request is answered, and how many of them are parsed already.
        self._held, self._parsed = b"", 0
        self._framing = Framing()
        # Headers and trailers of the request, and how many of them are Host.
        self._fields = self._hosts = 0
        self._offered = False
        # Bytes of all bodies, now and when the clock was started; unsent bytes when it was started.
        self._received = self._received_before = self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a TCP one only
        super().connection_made(BatchedTransport(transport, self.loop))  # type: ignore[arg-type]  # it stands in for one
        self.flow = PausableFlow(self.transport)
        if self._connections.admit(self, descriptors=0 if self._is_inner else 1):
            self._await_request(self._limits.head_seconds)
        elif self._connections.is_crowded():
            self.transport.abort()
        else:
            self._refuse(errors.SERVICE_UNAVAILABLE())

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.remove(self)
        self._let_go()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._phase == END:
            return
        position = self._parsed
        if self._held:
            # TLS may hand over what it had decrypted before reading was paused.
            data = self._held + data
            self._let_go()
        self._parse(data, position)

    # Parsing

    def _parse(self, data: bytes, position: int) -> None:
        if self._phase == HEAD and not self._framing.overhead:
            self.deadline = self.loop.time() + self._limits.head_seconds
        is_new = False
        while position < len(data) and self._phase != END:
            if self._phase == ANSWER:
                self._hold(data, position)
                return
            phase, received = self._phase, self._received
            end = self._framing.end_of_piece(data, position, is_head=phase == HEAD)
            try:
                try:
                    self.parser.feed_data(data[position:end])
                except httptools.HttpParserUpgrade:
                    self._answer_offer()
            except httptools.HttpParserError as error:
                cause = error.__context__
                ours = cause if isinstance(cause, errors.ApiError) else None
                self._refuse(ours or request_head.error_for(str(error), data[position:end]))
                return
            if self._phase == phase:
                if not self._framing.count(data, position, end, is_body=self._received > received):
                    self._refuse(errors.HEADERS_TOO_LARGE())
            elif self._phase == BODY:
                is_new = True
            position = end
        if is_new and self._phase == BODY:
            self._start_clock()

    def _answer_offer(self) -> None:
        """Ignore the offer of another protocol (RFC 9110 §7.8): parse the head once more, without it.

        The parser stops behind such a head, as if what follows were no longer HTTP; but the body is the
        request's. To accept an offer, hand the connection over here: `headers` are as they came.
        """
        self._offered = False
        version, method = self.parser.get_http_version(), self.parser.get_method()
        self.parser.feed_data(request_head.without_offer(version, method, self.url, self.headers))

    def _hold(self, data: bytes, position: int) -> None:
        self._held, self._parsed = data, position
        self.flow.holds = True
        self.flow.pause_reading()
        if not self._connections.hold(len(data)):
            # Reading stays paused, and the connection is closed once the request is answered.
            self._held, self._parsed = b"", 0
            self.cycle.keep_alive = False

    def _let_go(self) -> None:
        self._connections.release(len(self._held))
        self._held, self._parsed = b"", 0
        self.flow.holds = False

    # What the parser finds

    def on_url(self, url: bytes) -> None:
        self.url += url
        if len(self.url) > request_head.MAX_URL_BYTES:
            raise errors.URL_TOO_LONG()

    def on_header(self, name: bytes, value: bytes) -> None:
        # A trailer may not change the request that it follows (RFC 9110 §6.5.1).
        if self._phase == HEAD:
            name = name.lower()
            self.headers.append((name, value))
            if name == b"host":
                self._hosts += 1
            elif name == b"content-length":
                self._framing.remaining = int(value)
            elif name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
        self._fields += 1
        if self._fields > request_head.MAX_HEADERS:
            raise errors.HEADERS_TOO_LARGE()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._fields = self._hosts = 0
        self._framing.remaining = None
        # For the control API's faults: an ASGI application has no other way to abort a connection.
        self.scope["parlour.drop"] = self.transport.abort  # type: ignore[typeddict-unknown-key]  # an extension

    def on_headers_complete(self) -> None:
        version, method = self.parser.get_http_version(), self.parser.get_method()
        if version != "1.1" or self._hosts != 1 or method not in request_head.METHODS:
            request_head.ensure_head_is_valid(version, method, self._hosts)
        self._offered = self.parser.should_upgrade()
        if self._offered:
            return
        if not self.url.startswith(b"/"):
            self.url = request_head.in_origin_form(self.url, self.headers)
        super().on_headers_complete()
        self._connections.work(self)
        self._phase = BODY
        if self._framing.tail:
            self._framing.begin()

    def on_body(self, body: bytes) -> None:
        self._received += len(body)
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self._offered:
            return
        cycle = self.cycle
        if cycle.response_complete:
            self._await_request(self._limits.idle_seconds)
            return
        cycle.more_body = False
        cycle.message_event.set()
        self._phase = ANSWER
        if not self.flow.write_paused:
            self.deadline = inf

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self.cycle.body.clear()
        if self.transport.is_closing():
            self._start_clock()
        elif self._phase == ANSWER:
            self._await_request(self._limits.idle_seconds)
        else:
            # The rest of the body is read and thrown away.
            self.flow.resume_reading()

    def _await_request(self, seconds: float) -> None:
        self._phase, self._head_seconds = HEAD, seconds
        if self._framing.tail:
            self._framing.begin()
        self._connections.wait(self)
        if self.flow.write_paused:
            self._start_clock()
        else:
            self.deadline = self.loop.time() + seconds
        data, position = self._held, self._parsed
        if data:
            self._let_go()
            self._parse(data, position)
        if self.flow.read_paused:
            self.flow.resume_reading()

    # Deadlines

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_clock()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._start_clock()

    def _start_clock(self) -> None:
        """Set the deadline of the current phase; there is none while the server works on a request."""
        if self._phase == END:
            seconds = LINGER_SECONDS
        elif self.flow.write_paused or self.transport.is_closing():
            seconds = self._limits.send_seconds
            self._unsent = self.transport.get_write_buffer_size()
        elif self._phase == HEAD:
            seconds = self._head_seconds
        elif self._phase == BODY:
            seconds = self._limits.body_seconds
            self._received_before = self._received
        else:
            seconds = inf
        self.deadline = self.loop.time() + seconds

    def expire(self) -> None:
        if self._makes_progress():
            self._start_clock()
        elif self._phase == END or self.flow.write_paused or self.transport.is_closing():
            self.transport.abort()
        elif self._phase == BODY or self._framing.overhead:
            self._refuse(errors.REQUEST_TIMEOUT())
        else:
            self.transport.close()
            self._start_clock()

    def _makes_progress(self) -> bool:
        if self._phase == END:
            return False
        if self.flow.write_paused or self.transport.is_closing():
            return self.transport.get_write_buffer_size() < self._unsent
        # While reading is paused, it is the server that is slow.
        is_enough = self._received - self._received_before >= MIN_BODY_BYTES
        return self._phase == BODY and (self.flow.read_paused or is_enough)

    @property
    def has_unsent_bytes(self) -> bool:
        return self.transport.get_write_buffer_size() > 0

    def drop(self) -> bool:
        self._phase, is_free = END, not self.has_unsent_bytes
        (self.transport.abort if is_free else self.transport.close)()
        self._start_clock()
        return is_free

    # Refusals

    def _refuse(self, error: errors.ApiError) -> None:
        """Send the error, unless a response has begun; then stop writing, so that the client can read it."""
        cycle, phase = self.cycle, self._phase
        self._phase = END
        self._connections.work(self)
        self._let_go()
        if phase == HEAD or not cycle.response_started:
            self.transport.write(error_response(error, self.server_state.default_headers))
        if phase != HEAD and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self._start_clock()
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self.transport.close()
