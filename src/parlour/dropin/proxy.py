"""The intercepting proxy: it leads to our hosts, over TLS or by CONNECT, and unless told nowhere else."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable
from typing import NamedTuple
from urllib.parse import urlsplit

import structlog

from parlour.dropin.hosts import HTTPS_PORT, is_ours

HTTP_PORT = 80
MAX_HEAD_BYTES = 65_536
HEAD_SECONDS = 30
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


class Proxy:
    """Leads each connection on: to `tls` or `plain` for our hosts; elsewhere only if it passes."""

    def __init__(self, tls: Target, plain: Target, *, passes: bool) -> None:
        self._tls, self._plain, self._passes = tls, plain, passes
        self._elsewhere_now: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """End what leads elsewhere; what leads to us ends with our answers."""
        for task in self._elsewhere_now:
            task.cancel()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            try:
                await self._lead(reader, writer)
            except Refusal as refusal:
                await refuse(writer, refusal)
            finally:
                writer.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await waited_for(reader.readexactly(1))
        if first == TLS_HANDSHAKE:
            await join((reader, writer), await reach(self._tls), first)
            return
        try:
            head = first + await waited_for(reader.readuntil(b"\r\n\r\n"))
        except asyncio.LimitOverrunError:
            raise Refusal("431 Request Header Fields Too Large", "the request's head is too long") from None
        method, target = request_line(head)
        if method == "CONNECT":
            onward = await reach(self._tunnel(target))
            writer.write(ESTABLISHED)
            await join((reader, writer), onward)
        else:
            await join((reader, writer), await reach(self._forward(target)), rewritten(head))

    def _tunnel(self, target: str) -> Target:
        url = split_url(f"//{target}", "CONNECT wants a host and a port")
        asked = Target(url.host, HTTPS_PORT if url.port is None else url.port)
        if is_ours(*asked):
            return self._tls
        return self._elsewhere(asked)

    def _forward(self, target: str) -> Target:
        """Where a request in absolute form goes: a client that speaks to its proxy in the clear."""
        asked = split_url(target, "this is a proxy: it wants CONNECT or an absolute URL")
        if is_ours(asked.host, HTTPS_PORT if asked.port is None else asked.port):
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


async def waited_for(read: Awaitable[bytes]) -> bytes:
    try:
        return await asyncio.wait_for(read, HEAD_SECONDS)
    except TimeoutError:
        raise Refusal("408 Request Timeout", "no request came") from None


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
    """The head of a forwarded request: in origin form, without what is the proxy's, for one request."""
    first, _, rest = head.partition(b"\r\n")
    method, target, version = first.split(b" ")
    url = urlsplit(target.decode("latin-1"))
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    kept = [line for line in rest.split(b"\r\n") if line and not line.lower().startswith(HOP_BY_HOP)]
    lines = [b" ".join((method, path.encode("latin-1"), version)), *kept, b"Connection: close"]
    return b"\r\n".join(lines) + b"\r\n\r\n"


HOP_BY_HOP = (b"connection:", b"proxy-connection:", b"proxy-authorization:", b"keep-alive:")


async def reach(target: Target) -> Streams:
    try:
        return await asyncio.wait_for(asyncio.open_connection(*target), CONNECT_SECONDS)
    except (OSError, TimeoutError, UnicodeError):
        raise Refusal("502 Bad Gateway", f"{target.host}:{target.port} cannot be reached") from None


async def join(one: Streams, other: Streams, first: bytes = b"") -> None:
    """Carry bytes both ways until the other side, which answers, has ended."""
    other[1].write(first)
    with contextlib.closing(same_socket(one[1])) as caller:
        upward = asyncio.create_task(carry(one[0], other[1], caller))
        try:
            await carry(other[0], one[1])
        finally:
            upward.cancel()
            other[1].close()


def same_socket(writer: asyncio.StreamWriter) -> socket.socket:
    return socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno()))


async def carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, caller: socket.socket | None = None
) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            if caller is not None and QUICKACK is not None:
                # Python's client holds a form back until its head is acknowledged: 40 ms, unless at once.
                caller.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()


async def refuse(writer: asyncio.StreamWriter, refusal: Refusal) -> None:
    body = f"{refusal}\n".encode()
    head = f"HTTP/1.1 {refusal.status}\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
