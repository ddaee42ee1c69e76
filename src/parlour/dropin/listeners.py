"""The server with its intercepting listener: one process, one application, one more port."""

import asyncio
import socket
import ssl
from typing import Any

import uvicorn

from parlour.dropin.proxy import Proxy, Target
from parlour.http.connections import Connections
from parlour.http.request_head import MAX_HEAD_BYTES

LOOPBACK = "127.0.0.1"
# How long a client that has vanished may leave our last word unanswered.
GOODBYE_SECONDS = 1.0


class InterceptingServer(uvicorn.Server):
    """uvicorn's, which also answers over TLS and as a proxy on `front`.

    `front` looks at the first byte: a TLS handshake is carried to a TLS listener on loopback, and
    anything else is taken for a request to a proxy.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        front: socket.socket,
        context: ssl.SSLContext,
        connections: Connections,
        *,
        passes: bool,
    ) -> None:
        super().__init__(config)
        self.port: int = front.getsockname()[1]
        self._front, self._context, self._connections, self._passes = front, context, connections, passes
        self._proxy: Proxy | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        plain = await loop.create_server(self._protocol, LOOPBACK, 0)
        tls = await loop.create_server(
            self._protocol,
            LOOPBACK,
            0,
            ssl=self._context,
            ssl_handshake_timeout=self._connections.limits.head_seconds,
            ssl_shutdown_timeout=GOODBYE_SECONDS,
        )
        self._proxy = Proxy(address_of(tls), address_of(plain), self._connections, passes=self._passes)
        front = await asyncio.start_server(self._proxy, sock=self._front, limit=MAX_HEAD_BYTES)
        self.servers += [plain, tls, front]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._proxy is not None:
            self._proxy.stop()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        protocol: Any = self.config.http_protocol_class
        made: asyncio.Protocol = protocol(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            is_inner=True,
        )
        return made


def address_of(server: asyncio.Server) -> Target:
    host, port = server.sockets[0].getsockname()[:2]
    return Target(host, port)
