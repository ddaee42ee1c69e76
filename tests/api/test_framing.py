"""Where one request ends and the next begins, whatever packets they come in and whatever they offer."""

import asyncio

import pytest
import uvicorn
from uvicorn.server import ServerState

from parlour.http.connections import MAX_HELD_BYTES, Connections, Limits
from parlour.http.protocol import MIN_BODY_BYTES, Protocol

LIMITS = Limits(10, 60, 60, 60, 60)
OFFER = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"
WEBSOCKET = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
LENGTH = "Content-Length: 10"
CHUNKED = "Transfer-Encoding: chunked"
FORM = b"Body=hello"
# The first chunk holds what looks like the end of a head.
CHUNKS = b'4;note="a"\r\n\r\n\r\n\r\n6\r\nBody=h\r\n0\r\nX-Trailer: 1\r\nHost: other\r\n\r\n'
BEHIND = b"GET /behind HTTP/1.1\r\nHost: here\r\n\r\n"

POSTS = {
    "length": ([LENGTH], FORM, FORM),
    "h2c": ([OFFER, LENGTH], FORM, FORM),
    "websocket": ([WEBSOCKET, LENGTH], FORM, FORM),
    "expect": ([OFFER, "Expect: 100-continue", LENGTH], FORM, FORM),
    "chunked": ([CHUNKED], CHUNKS, b"\r\n\r\nBody=h"),
    "chunked h2c": ([OFFER, CHUNKED], CHUNKS, b"\r\n\r\nBody=h"),
    "no body": ([OFFER], b"", b""),
}


def post(lines, body):
    return "\r\n".join(["POST /form HTTP/1.1", "Host: here", *lines, "", ""]).encode() + body


class Transport:
    """What a protocol needs of a transport; keeps what is written to it."""

    def __init__(self):
        self.written, self.reads, self.closed = b"", True, False

    def writelines(self, parts):
        self.written += b"".join(parts)

    def pause_reading(self):
        self.reads = False

    def resume_reading(self):
        self.reads = True

    def close(self):
        self.closed = True

    abort = write_eof = close

    def is_closing(self):
        return self.closed

    def can_write_eof(self):
        return True

    def get_write_buffer_size(self):
        return 0

    get_extra_info = {}.get


class Exchange:
    """One connection to an application that answers when it is told to; `seen` is what reached it."""

    def __init__(self):
        self.seen, self.answers = [], asyncio.Event()
        self.answers.set()
        self.transport = Transport()
        config = uvicorn.Config(
            self._answer, interface="asgi3", proxy_headers=False, lifespan="off", log_config=None
        )
        self.protocol = Protocol(config, ServerState(), {}, connections=Connections(LIMITS, lambda: 10))
        self.protocol.connection_made(self.transport)

    async def _answer(self, scope, receive, send):
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        host = dict(scope["headers"]).get(b"host")
        self.seen.append((scope["method"], scope["raw_path"], scope["query_string"], host, body))
        await self.answers.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def feed(self, *pieces):
        for piece in pieces:
            # As a real transport, it hands over nothing while reading is paused.
            for _ in range(20):
                if self.transport.reads:
                    break
                await asyncio.sleep(0)
            self.protocol.data_received(piece)
        for _ in range(20):
            await asyncio.sleep(0)
        return self.seen


@pytest.mark.parametrize("name", POSTS)
def test_each_request_keeps_its_body_wherever_it_is_split(name):
    lines, body, expected = POSTS[name]
    stream = post(lines, body) + BEHIND
    splits = [(stream[:i], stream[i:]) for i in range(1, len(stream))]
    splits.append([stream[i : i + 1] for i in range(len(stream))])

    async def run():
        for pieces in splits:
            assert await Exchange().feed(*pieces) == [
                ("POST", b"/form", b"", b"here", expected),
                ("GET", b"/behind", b"", b"here", b""),
            ], pieces

    asyncio.run(run())


def test_offers_one_behind_the_other_are_all_ignored():
    stream = b"".join(post(lines, body) for lines, body, _ in POSTS.values())
    bodies = [expected for _, _, expected in POSTS.values()]

    async def run():
        return await Exchange().feed(stream)

    assert [body for *_, body in asyncio.run(run())] == bodies


def test_a_request_waits_unparsed_and_unread_until_the_one_before_it_is_answered():
    async def run():
        exchange = Exchange()
        exchange.answers.clear()
        await exchange.feed(BEHIND * 5)
        assert (len(exchange.seen), exchange.transport.reads) == (1, False)
        exchange.answers.set()
        await exchange.feed()
        assert (len(exchange.seen), exchange.transport.reads) == (5, True)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("target", "path", "query", "host"),
    [
        (b"http://there/a?b=c", b"/a", b"b=c", b"there"),
        (b"HTTPS://there:1", b"/", b"", b"there:1"),
        (b"http://user@there?x", b"/", b"x", b"there"),
        (b"http://[::1]:8/", b"/", b"", b"[::1]:8"),
        (b"//there/a", b"//there/a", b"", b"here"),
    ],
)
def test_an_absolute_url_names_the_host_whatever_the_header_says(target, path, query, host):
    async def run():
        return await Exchange().feed(b"GET " + target + b" HTTP/1.1\r\nHost: here\r\n\r\n")

    assert asyncio.run(run()) == [("GET", path, query, host, b"")]


def test_a_body_that_goes_on_is_waited_for_and_one_that_stops_is_not():
    async def run():
        exchange = Exchange()
        await exchange.feed(post(["Content-Length: 5000"], b""))
        for _ in range(3):
            await exchange.feed(b"x" * MIN_BODY_BYTES)
            exchange.protocol.expire()
            assert not exchange.transport.closed
        await exchange.feed(b"x" * (MIN_BODY_BYTES - 1))
        exchange.protocol.expire()
        await exchange.feed()
        assert exchange.transport.written.startswith(b"HTTP/1.1 408 ")
        # What comes now is thrown away, and at last so is the connection.
        await exchange.feed(b"x" * 5_000)
        exchange.transport.closed = False
        exchange.protocol.expire()
        assert exchange.transport.closed

    asyncio.run(run())


def test_too_much_that_waits_for_its_turn_ends_the_connection_after_its_answer():
    async def run():
        exchange = Exchange()
        exchange.answers.clear()
        await exchange.feed(BEHIND + BEHIND * (MAX_HELD_BYTES // len(BEHIND) + 1))
        assert not exchange.transport.reads
        exchange.answers.set()
        await exchange.feed()
        assert (len(exchange.seen), exchange.transport.closed) == (1, True)
        assert b"\r\nconnection: close\r\n" in exchange.transport.written

    asyncio.run(run())
