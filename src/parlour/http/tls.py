"""TLS for the main port: connections are counted, and have a deadline, from before their handshake."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

from parlour.http.certificates import ServedCertificate
from parlour.http.connections import LINGER_SECONDS, Connections
from parlour.http.protocol import Protocol

# Unsent or unread bytes of a connection that wait in memory, as without TLS; by default it would be 512 KiB.
MAX_BUFFERED_BYTES = 65_536
# Longer than any deadline of a connection: those decide, not the event loop's.
NO_TIMEOUT_SECONDS = 100_000.0


class TlsProtocols:
    """Creates the protocol of each new connection, as uvicorn asks for it."""

    def __init__(self, certificate: ServedCertificate, connections: Connections) -> None:
        self._certificate, self._connections = certificate, connections

    def __call__(self, *, is_inner: bool = False, **options: Any) -> asyncio.Protocol:
        """Return a protocol. `--intercept` has its own TLS: its inner connections have none here."""
        if is_inner:
            return Protocol(connections=self._connections, is_inner=True, **options)
        return Handshake(
            TlsProtocol(connections=self._connections, **options), self._certificate, self._connections
        )


class Handshake(asyncio.Protocol):
    """A connection until its TLS handshake is done. Until then it may be closed to make room."""

    has_unsent_bytes = False

    def __init__(self, protocol: Protocol, certificate: ServedCertificate, connections: Connections) -> None:
        self._protocol, self._certificate, self._connections = protocol, certificate, connections
        # Bytes that came before the transport was TLS's, then those that were decrypted before `protocol`
        # took over.
        self._early, self._decrypted = b"", b""
        self._is_shaking = self._is_done = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a TCP one only
        self._transport, loop = transport, asyncio.get_running_loop()
        seconds = self._connections.limits.head_seconds
        if self._connections.admit(self):
            self._connections.wait(self)
        elif self._connections.is_crowded():
            transport.abort()
            return
        else:
            # Only after the handshake can the client be told why it is refused.
            seconds = LINGER_SECONDS
        self.deadline = loop.time() + seconds
        self._task = loop.create_task(self._shake_hands(loop))

    async def _shake_hands(self, loop: asyncio.AbstractEventLoop) -> None:
        encrypted = None
        # Scanners and clients that do not trust the certificate end it with an error: no fault to report.
        with contextlib.suppress(OSError):
            encrypted = await self._start_tls(loop)
        self._connections.remove(self)
        # A transport that was aborted ends the handshake without an error.
        if encrypted is None or self._transport.is_closing():
            return
        self._is_done = True
        encrypted.set_write_buffer_limits(MAX_BUFFERED_BYTES)
        self._protocol.connection_made(TlsTransport(encrypted, self._transport))  # type: ignore[arg-type]  # it stands in for one
        encrypted.set_protocol(self._protocol)
        if self._decrypted:
            self._protocol.data_received(self._decrypted)

    async def _start_tls(self, loop: asyncio.AbstractEventLoop) -> asyncio.Transport | None:
        shaking = loop.create_task(
            loop.start_tls(
                self._transport,
                self,
                self._certificate.context,
                server_side=True,
                ssl_handshake_timeout=NO_TIMEOUT_SECONDS,
                ssl_shutdown_timeout=NO_TIMEOUT_SECONDS,
            )
        )
        # In the first turn of the event loop TLS takes the transport, in the second it is ready for bytes.
        # uvloop may read some before that, even from a transport whose reading was paused.
        await asyncio.sleep(0)
        self._is_shaking = True
        await asyncio.sleep(0)
        if self._early and not shaking.done():
            feed(self._transport.get_protocol(), self._early)
        return await shaking

    def data_received(self, data: bytes) -> None:
        if self._is_shaking:
            self._decrypted += data
        else:
            self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.remove(self)
        # The event loop may have been about to call this when the other protocol took over.
        if self._is_done:
            self._protocol.connection_lost(exc)

    def expire(self) -> None:
        self._transport.abort()

    def drop(self) -> bool:
        self._transport.abort()
        return True


def feed(protocol: Any, data: bytes) -> None:
    """Hand over bytes to a BufferedProtocol, as a transport does."""
    while data:
        buffer = protocol.get_buffer(len(data))
        size = min(len(data), len(buffer))
        buffer[:size] = data[:size]
        protocol.buffer_updated(size)
        data = data[size:]


class TlsTransport:
    """A connection's encrypted transport, which knows about what waits in the plain one below it."""

    def __init__(self, encrypted: asyncio.Transport, plain: asyncio.Transport) -> None:
        self._encrypted, self._plain = encrypted, plain
        # Called for each request: an attribute of its own saves the call of `__getattr__`.
        self.is_closing = encrypted.is_closing

    def writelines(self, parts: Iterable[bytes]) -> None:
        # Joined, or each part would be a record of its own.
        self._encrypted.write(b"".join(parts))

    def get_write_buffer_size(self) -> int:
        return self._encrypted.get_write_buffer_size() + self._plain.get_write_buffer_size()

    def pause_reading(self) -> None:
        # The encrypted one alone would go on to read up to 256 KiB.
        self._encrypted.pause_reading()
        self._plain.pause_reading()

    def resume_reading(self) -> None:
        self._plain.resume_reading()
        self._encrypted.resume_reading()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encrypted, name)


class TlsProtocol(Protocol):
    """A connection over TLS: when it is closed, the client's answer to the end is not waited for long."""

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            self._start_clock()

    def _start_clock(self) -> None:
        super()._start_clock()
        if self.transport.is_closing() and not self.has_unsent_bytes:
            self.deadline = self.loop.time() + LINGER_SECONDS
