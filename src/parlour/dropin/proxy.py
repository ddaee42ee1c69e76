"""The intercepting proxy: it leads to our hosts, over TLS or by CONNECT, and unless told nowhere else."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Coroutine
from math import inf
from typing import NamedTuple
from urllib.parse import urlsplit

import structlog

from parlour.dropin.hosts import HTTPS_PORT, is_ours
from parlour.http.connections import LINGER_SECONDS, Connections, Limits

HTTP_PORT = 80
# The caller's connection, a copy of it, and both ends of the one that it is led on by.
DESCRIPTORS = 4
CONNECT_SECONDS = 10
CHUNK_BYTES = 65_536
# Not every system has it.
QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
TLS_HANDSHAKE = b"\x16"

# To the letter: one client takes no other wording (contract: redirects.md).
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
REFUSED = "Parlour's proxy leads to the service's hosts only; --intercept-others pass opens it to all."

log = structlog.get_logger()

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Target(NamedTuple):
    host: str
    port: int


class Asked(NamedTuple):
    scheme: str
    host: str
    port: int | None


class Refusal(Exception):
    """Why a caller is not led on: a status and a line."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Caller:
    """A connection to the proxy, as one of all connections of the process."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._transport = writer.transport
        self.deadline = inf

    # What was sent to a client goes through buffers of the system's, which need nothing of ours.
    has_unsent_bytes = False

    def expire(self) -> None:
        self.drop()

    def drop(self) -> bool:
        self._transport.abort()
        return True


class Proxy:
    """Leads each connection on: to `tls` or `plain` for our hosts; elsewhere only if it passes."""

    def __init__(self, tls: Target, plain: Target, connections: Connections, *, passes: bool) -> None:
        self._tls, self._plain, self._connections, self._passes = tls, plain, connections, passes
        self._limits = connections.limits
        self._elsewhere_now: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """End what leads elsewhere; what leads to us ends with our answers."""
        for task in self._elsewhere_now:
            task.cancel()

    def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Coroutine[None, None, None] | None:
        """Count the connection at once, before the next one is accepted; then lead it on."""
        caller = Caller(writer)
        if self._connections.admit(caller, DESCRIPTORS):
            self._connections.wait(caller)
            return self._serve((reader, writer), caller, is_admitted=True)
        if self._connections.is_crowded():
            self._connections.remove(caller)
            caller.drop()
            return None
        return self._serve((reader, writer), caller, is_admitted=False)

    async def _serve(self, streams: Streams, caller: Caller, *, is_admitted: bool) -> None:
        writer = streams[1]
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                try:
                    if not is_admitted:
                        raise Refusal("503 Service Unavailable", "there are too many connections")  # noqa: TRY301 - answered as the other refusals
                    await self._lead(streams, caller)
                except Refusal as refusal:
                    await refuse(streams, refusal)
            writer.close()
            # A client that does not read what is left is given up then.
            caller.deadline = asyncio.get_running_loop().time() + self._limits.send_seconds
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        except asyncio.CancelledError:
            caller.drop()
        finally:
            self._connections.remove(caller)

    async def _lead(self, streams: Streams, caller: Caller) -> None:
        reader, writer = streams
        head = await self._read_head(reader)
        self._connections.work(caller)
        if head == TLS_HANDSHAKE:
            await join(streams, await reach(self._tls), self._limits, head)
            return
        method, target = request_line(head)
        if method == "CONNECT":
            onward = await reach(self._tunnel(target))
            writer.write(ESTABLISHED)
            await join(streams, onward, self._limits)
        else:
            await join(streams, await reach(self._forward(target)), self._limits, rewritten(head))

    async def _read_head(self, reader: asyncio.StreamReader) -> bytes:
        """The head of a request, or only the first byte of a TLS handshake."""
        try:
            async with asyncio.timeout(self._limits.head_seconds):
                first = await reader.readexactly(1)
                return first if first == TLS_HANDSHAKE else first + await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            raise Refusal("408 Request Timeout", "no request came") from None
        except asyncio.LimitOverrunError:
            raise Refusal("431 Request Header Fields Too Large", "the request's head is too long") from None

    def _tunnel(self, target: str) -> Target:
        url = split_url(f"//{target}", "CONNECT wants a host and a port")
        asked = Target(url.host, HTTPS_PORT if url.port is None else url.port)
        if is_ours(*asked):
            return self._tls
        return self._elsewhere(asked)

    def _forward(self, target: str) -> Target:
        """Where a request in absolute form goes: a client that speaks to its proxy in the clear."""
        asked = split_url(target, "this is a proxy: it wants CONNECT or an absolute URL")
        if is_ours(asked.host) and asked.port in {None, HTTP_PORT, HTTPS_PORT}:
            return self._plain
        if asked.scheme != "http":
            raise Refusal("400 Bad Request", "other hosts are reached over TLS by CONNECT only")
        return self._elsewhere(Target(asked.host, asked.port or HTTP_PORT))

    def _elsewhere(self, asked: Target) -> Target:
        if not self._passes:
            log.warning("proxy_refused", host=asked.host, port=asked.port)
            raise Refusal("403 Forbidden", REFUSED)
        task = asyncio.current_task()
        if task is not None:
            self._elsewhere_now.add(task)
            task.add_done_callback(self._elsewhere_now.discard)
        return asked


def request_line(head: bytes) -> tuple[str, str]:
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != len(("method", "target", "version")) or not words[2].startswith("HTTP/1."):
        raise Refusal("400 Bad Request", "it is not valid HTTP")
    return words[0], words[1]


def split_url(url: str, otherwise: str) -> Asked:
    """What a URL asks for; what is none is refused for the reason `otherwise`."""
    try:
        split = urlsplit(url)
        host, port = split.hostname, split.port
    except ValueError:
        host, port = None, None
    if host is None:
        raise Refusal("400 Bad Request", otherwise)
    return Asked(split.scheme, host, port)


def rewritten(head: bytes) -> bytes:
    """The head of a forwarded request: in origin form, without what is the proxy's, for one request.

    `Host` is that of the URL, whatever the client sent (RFC 9112 §3.2.2).
    """
    first, _, rest = head.partition(b"\r\n")
    method, target, version = first.split(b" ")
    url = urlsplit(target.decode("latin-1"))
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    kept = [line for line in rest.split(b"\r\n") if line and not line.lower().startswith(HOP_BY_HOP)]
    host = b"Host: " + url.netloc.rpartition("@")[2].encode("latin-1")
    lines = [b" ".join((method, path.encode("latin-1"), version)), host, *kept, b"Connection: close"]
    return b"\r\n".join(lines) + b"\r\n\r\n"


# What is not sent on: what concerns the connection to the proxy only, and the host, which the URL names.
HOP_BY_HOP = (
    b"connection:",
    b"host:",
    b"keep-alive:",
    b"proxy-authorization:",
    b"proxy-connection:",
    b"upgrade:",
)


async def reach(target: Target) -> Streams:
    try:
        return await asyncio.wait_for(asyncio.open_connection(*target), CONNECT_SECONDS)
    except (OSError, TimeoutError, UnicodeError):
        raise Refusal("502 Bad Gateway", f"{target.host}:{target.port} cannot be reached") from None


async def join(one: Streams, other: Streams, limits: Limits, first: bytes = b"") -> None:
    """Carry bytes both ways until the other side, which answers, has ended."""
    other[1].write(first)
    with contextlib.closing(same_socket(one[1])) as caller:
        upward = asyncio.create_task(carry(one[0], other[1], limits, caller))
        try:
            await carry(other[0], one[1], limits)
        finally:
            upward.cancel()
            other[1].close()


def same_socket(writer: asyncio.StreamWriter) -> socket.socket:
    return socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno()))


async def carry(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    limits: Limits,
    caller: socket.socket | None = None,
) -> None:
    # TimeoutError is one: of a side that reads nothing for too long.
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            if caller is not None and QUICKACK is not None:
                # Python's client holds a form back until its head is acknowledged: 40 ms, unless at once.
                caller.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
            writer.write(data)
            async with asyncio.timeout(limits.send_seconds):
                await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()


async def refuse(streams: Streams, refusal: Refusal) -> None:
    reader, writer = streams
    body = f"{refusal}\n".encode()
    head = f"HTTP/1.1 {refusal.status}\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    writer.write_eof()
    # What the client is still sending is thrown away: closing now could take the answer from it.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while await reader.read(CHUNK_BYTES):
                pass
