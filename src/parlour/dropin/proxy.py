"""The intercepting proxy: forwards connections to the service's hosts to this server, by TLS or CONNECT.

Connections to other hosts are refused, or passed on with `--intercept-others pass`.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Coroutine
from math import inf
from typing import NamedTuple
from urllib.parse import urlsplit

import structlog

from parlour.dropin.hosts import HTTPS_PORT, is_service_host
from parlour.http.connections import LINGER_SECONDS, Connections, Limits

HTTP_PORT = 80
# The client's connection, a duplicate of it, and both ends of the connection to a listener.
DESCRIPTORS = 4
CONNECT_SECONDS = 10
CHUNK_BYTES = 65_536
# Some systems do not have it.
QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
TLS_HANDSHAKE = b"\x16"

# Exactly this text: one client accepts no other (contract: redirects.md).
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
REFUSED = "Parlour's proxy leads to the service's hosts only; --intercept-others pass opens it to all."

log = structlog.get_logger()

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class HostPort(NamedTuple):
    host: str
    port: int


class RequestedUrl(NamedTuple):
    scheme: str
    host: str
    port: int | None


class ProxyRefusal(Exception):
    """The proxy refuses a request, with an HTTP status and a reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class ProxyConnection:
    """A connection to the proxy, counted with all connections of the process."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._transport = writer.transport
        self.deadline = inf

    # Bytes for the client wait in the system's buffers only.
    has_unsent_bytes = False

    def expire(self) -> None:
        self.drop()

    def drop(self) -> bool:
        self._transport.abort()
        return True


class Proxy:
    """Forwards connections to the listeners `tls` and `plain`; with `pass_others`, also to other hosts."""

    def __init__(
        self, tls: HostPort, plain: HostPort, connections: Connections, *, pass_others: bool
    ) -> None:
        self._tls, self._plain, self._connections, self._pass_others = tls, plain, connections, pass_others
        self._limits = connections.limits
        self._other_tasks: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """End the connections to other hosts. Those to this server end with their last answer."""
        for task in self._other_tasks:
            task.cancel()

    def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Coroutine[None, None, None] | None:
        """Count the connection at once, before the next one is accepted; then forward it."""
        connection = ProxyConnection(writer)
        if self._connections.admit(connection, DESCRIPTORS):
            self._connections.wait(connection)
            return self._serve((reader, writer), connection, is_admitted=True)
        if self._connections.is_crowded():
            self._connections.remove(connection)
            connection.drop()
            return None
        return self._serve((reader, writer), connection, is_admitted=False)

    async def _serve(self, streams: Streams, connection: ProxyConnection, *, is_admitted: bool) -> None:
        writer = streams[1]
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                try:
                    if not is_admitted:
                        raise ProxyRefusal("503 Service Unavailable", "there are too many connections")  # noqa: TRY301 - answered as the other refusals
                    await self._forward(streams, connection)
                except ProxyRefusal as refusal:
                    await send_refusal(streams, refusal)
            writer.close()
            # After this time, the rest is not kept for a client that does not read it.
            connection.deadline = asyncio.get_running_loop().time() + self._limits.send_seconds
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        except asyncio.CancelledError:
            connection.drop()
        finally:
            self._connections.remove(connection)

    async def _forward(self, streams: Streams, connection: ProxyConnection) -> None:
        reader, writer = streams
        head = await self._read_head(reader)
        self._connections.work(connection)
        if head == TLS_HANDSHAKE:
            await copy_both_ways(streams, await open_streams(self._tls), self._limits, head)
            return
        method, target = request_line(head)
        if method == "CONNECT":
            upstream = await open_streams(self._tunnel_address(target))
            writer.write(ESTABLISHED)
            await copy_both_ways(streams, upstream, self._limits)
        else:
            await copy_both_ways(
                streams, await open_streams(self._forward_address(target)), self._limits, rewrite_head(head)
            )

    async def _read_head(self, reader: asyncio.StreamReader) -> bytes:
        """Return the head of a request, or only the first byte of a TLS handshake."""
        try:
            async with asyncio.timeout(self._limits.head_seconds):
                first = await reader.readexactly(1)
                return first if first == TLS_HANDSHAKE else first + await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            raise ProxyRefusal("408 Request Timeout", "no request came") from None
        except asyncio.LimitOverrunError:
            raise ProxyRefusal(
                "431 Request Header Fields Too Large", "the request's head is too long"
            ) from None

    def _tunnel_address(self, target: str) -> HostPort:
        """Return the address that a CONNECT request is forwarded to."""
        url = split_url(f"//{target}", "CONNECT wants a host and a port")
        address = HostPort(url.host, HTTPS_PORT if url.port is None else url.port)
        if is_service_host(*address):
            return self._tls
        return self._other_address(address)

    def _forward_address(self, target: str) -> HostPort:
        """Return the address for a request with an absolute URL, which came without TLS."""
        url = split_url(target, "this is a proxy: it wants CONNECT or an absolute URL")
        if is_service_host(url.host) and url.port in {None, HTTP_PORT, HTTPS_PORT}:
            return self._plain
        if url.scheme != "http":
            raise ProxyRefusal("400 Bad Request", "other hosts are reached over TLS by CONNECT only")
        return self._other_address(HostPort(url.host, url.port or HTTP_PORT))

    def _other_address(self, address: HostPort) -> HostPort:
        if not self._pass_others:
            log.warning("proxy_refused", host=address.host, port=address.port)
            raise ProxyRefusal("403 Forbidden", REFUSED)
        task = asyncio.current_task()
        if task is not None:
            self._other_tasks.add(task)
            task.add_done_callback(self._other_tasks.discard)
        return address


def request_line(head: bytes) -> tuple[str, str]:
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != len(("method", "target", "version")) or not words[2].startswith("HTTP/1."):
        raise ProxyRefusal("400 Bad Request", "it is not valid HTTP")
    return words[0], words[1]


def split_url(url: str, reason: str) -> RequestedUrl:
    """Return the scheme, host and port of an absolute URL. Raises ProxyRefusal(`reason`) if it is not one."""
    try:
        split = urlsplit(url)
        host, port = split.hostname, split.port
    except ValueError:
        host, port = None, None
    if host is None:
        raise ProxyRefusal("400 Bad Request", reason)
    return RequestedUrl(split.scheme, host, port)


def rewrite_head(head: bytes) -> bytes:
    """Return the head to forward: with a path instead of the URL, and without headers for the proxy.

    The connection ends after this request. `Host` is the one of the URL, whichever the client has sent
    (RFC 9112 §3.2.2).
    """
    first, _, rest = head.partition(b"\r\n")
    method, target, version = first.split(b" ")
    url = urlsplit(target.decode("latin-1"))
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    kept = [line for line in rest.split(b"\r\n") if line and not line.lower().startswith(DROPPED_HEADERS)]
    host = b"Host: " + url.netloc.rpartition("@")[2].encode("latin-1")
    lines = [b" ".join((method, path.encode("latin-1"), version)), host, *kept, b"Connection: close"]
    return b"\r\n".join(lines) + b"\r\n\r\n"


# Headers that are not forwarded: those for the proxy, and the host, which is taken from the URL.
DROPPED_HEADERS = (
    b"connection:",
    b"host:",
    b"keep-alive:",
    b"proxy-authorization:",
    b"proxy-connection:",
    b"upgrade:",
)


async def open_streams(target: HostPort) -> Streams:
    try:
        return await asyncio.wait_for(asyncio.open_connection(*target), CONNECT_SECONDS)
    except (OSError, TimeoutError, UnicodeError):
        raise ProxyRefusal("502 Bad Gateway", f"{target.host}:{target.port} cannot be reached") from None


async def copy_both_ways(one: Streams, other: Streams, limits: Limits, first: bytes = b"") -> None:
    """Copy bytes both ways until `other`, the side that answers, has ended."""
    other[1].write(first)
    with contextlib.closing(duplicate_socket(one[1])) as client:
        upward = asyncio.create_task(copy_bytes(one[0], other[1], limits, client))
        try:
            await copy_bytes(other[0], one[1], limits)
        finally:
            upward.cancel()
            other[1].close()


def duplicate_socket(writer: asyncio.StreamWriter) -> socket.socket:
    return socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno()))


async def copy_bytes(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    limits: Limits,
    client: socket.socket | None = None,
) -> None:
    # Also TimeoutError, an OSError: raised when one side reads nothing for too long.
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            if client is not None and QUICKACK is not None:
                # Python's client sends a form only after its head was acknowledged, which else takes 40 ms.
                client.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
            writer.write(data)
            async with asyncio.timeout(limits.send_seconds):
                await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()


async def send_refusal(streams: Streams, refusal: ProxyRefusal) -> None:
    reader, writer = streams
    body = f"{refusal}\n".encode()
    head = f"HTTP/1.1 {refusal.status}\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    writer.write_eof()
    # Read and discard the rest: if the connection were closed now, the client might not get the answer.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while await reader.read(CHUNK_BYTES):
                pass
