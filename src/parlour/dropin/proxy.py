"""The intercepting proxy: forwards connections to the service's hosts to this server, by TLS or CONNECT.

`dropin/other_hosts.py` says what happens to connections to other hosts.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Coroutine
from math import inf

import structlog

from parlour import errors
from parlour.dropin.hosts import HTTP_PORT, HTTPS_PORT, is_service_host
from parlour.dropin.other_hosts import HostRoute, OtherHosts
from parlour.dropin.proxy_refusals import send_refusal
from parlour.dropin.proxy_requests import HostPort, request_line, rewrite_head, split_url
from parlour.errors import ApiError
from parlour.http.connections import Connections, Limits

# The client's connection, a duplicate of it, and both ends of the connection to a listener.
DESCRIPTORS = 4
CONNECT_SECONDS = 10
CHUNK_BYTES = 65_536
# Some systems do not have it.
QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
TLS_HANDSHAKE = b"\x16"

# Exactly this text: one client accepts no other (contract: redirects.md).
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

log = structlog.get_logger()

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


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
    """Forwards connections to the listeners `tls` and `plain`, and those to `others` as these say."""

    def __init__(self, tls: HostPort, plain: HostPort, connections: Connections, others: OtherHosts) -> None:
        self._tls, self._plain, self._connections, self._others = tls, plain, connections, others
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
                        raise errors.SERVICE_UNAVAILABLE()
                    await self._forward(streams, connection)
                except ApiError as refusal:
                    # Of the answer to a CONNECT most clients show the status line only.
                    reason = str(refusal) if refusal.problem is errors.HOST_REFUSED else ""
                    await send_refusal(*streams, refusal, reason)
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
        head = await self._read_head(streams[0])
        self._connections.work(connection)
        if head == TLS_HANDSHAKE:
            await copy_both_ways(streams, await open_streams(self._tls), self._limits, head)
            return
        method, target = request_line(head)
        if method == "CONNECT":
            await self._tunnel(streams, target)
        else:
            address, uses_tls = self._forward_address(target)
            upstream = await open_streams(address, uses_tls=uses_tls)
            await copy_both_ways(streams, upstream, self._limits, rewrite_head(head))

    async def _tunnel(self, streams: Streams, target: str) -> None:
        """Answer a CONNECT request, and forward the connection."""
        url = split_url(f"//{target}", "CONNECT wants a host and a port")
        address = HostPort(url.host, HTTPS_PORT if url.port is None else url.port)
        route = self._others.routes.find(url.host) if address.port == HTTPS_PORT else None
        if is_service_host(*address):
            upstream = await open_streams(self._tls)
        elif route is not None:
            await self._end_tls(streams, url.host, route)
            return
        else:
            upstream = await open_streams(self._other_address(address))
        streams[1].write(ESTABLISHED)
        await copy_both_ways(streams, upstream, self._limits)

    async def _end_tls(self, streams: Streams, host: str, route: HostRoute) -> None:
        """Speak TLS as a host that has a route: the client of a refused one gets the reason, too."""
        reader, writer = streams
        address = route.address or self._refused(HostPort(host, HTTPS_PORT))
        writer.write(ESTABLISHED)
        await writer.start_tls(
            self._others.context_of(host.lower()), ssl_handshake_timeout=self._limits.head_seconds
        )
        head = await self._read_head(reader)
        if isinstance(address, ApiError):
            # Counted above already: a client that does not trust the authority sends no request.
            raise address
        self._end_with_server()
        upstream = await open_streams(address, uses_tls=route.uses_tls)
        await copy_both_ways(streams, upstream, self._limits, head)

    async def _read_head(self, reader: asyncio.StreamReader) -> bytes:
        """Return the head of a request, or only the first byte of a TLS handshake."""
        try:
            async with asyncio.timeout(self._limits.head_seconds):
                first = await reader.readexactly(1)
                return first if first == TLS_HANDSHAKE else first + await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            raise errors.REQUEST_TIMEOUT() from None
        except asyncio.LimitOverrunError:
            raise errors.HEADERS_TOO_LARGE() from None

    def _forward_address(self, target: str) -> tuple[HostPort, bool]:
        """Return the address for a request with an absolute URL, and whether TLS is spoken to it."""
        url = split_url(target, "this is a proxy: it wants CONNECT or an absolute URL")
        if is_service_host(url.host) and url.port in {None, HTTP_PORT, HTTPS_PORT}:
            return self._plain, False
        if url.scheme != "http":
            raise errors.INVALID_REQUEST(reason="other hosts are reached over TLS by CONNECT only")
        address = HostPort(url.host, url.port or HTTP_PORT)
        route = self._others.routes.find(url.host) if address.port == HTTP_PORT else None
        if route is None:
            return self._other_address(address), False
        if route.address is None:
            raise self._refused(address)
        self._end_with_server()
        return route.address, route.uses_tls

    def _other_address(self, address: HostPort) -> HostPort:
        if not self._others.passes:
            raise self._refused(address)
        self._end_with_server()
        return address

    def _end_with_server(self) -> None:
        """Let `stop` end this connection, which leads to another server."""
        task = asyncio.current_task()
        if task is not None:
            self._other_tasks.add(task)
            task.add_done_callback(self._other_tasks.discard)

    def _refused(self, address: HostPort) -> ApiError:
        log.warning("proxy_refused", host=address.host, port=address.port)
        self._others.count_refused(address.host)
        return errors.HOST_REFUSED(host=address.host)


async def open_streams(target: HostPort, *, uses_tls: bool = False) -> Streams:
    try:
        opening = asyncio.open_connection(*target, ssl=uses_tls or None)
        return await asyncio.wait_for(opening, CONNECT_SECONDS)
    except (OSError, TimeoutError, UnicodeError):
        raise errors.HOST_UNREACHABLE(host=f"{target.host}:{target.port}") from None


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
