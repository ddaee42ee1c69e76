"""The server with interception: the same process and application, on one more port."""

import asyncio
import socket
import ssl
from typing import Any

import uvicorn

from parlour.dropin.other_hosts import OtherHosts
from parlour.dropin.proxy import Proxy
from parlour.dropin.proxy_requests import HostPort
from parlour.http.certificates import ServedCertificate
from parlour.http.connections import Connections
from parlour.http.request_head import MAX_HEAD_BYTES
from parlour.http.server import Server

LOOPBACK = "127.0.0.1"
# How long the server waits for a client's answer to the end of TLS.
TLS_SHUTDOWN_SECONDS = 1.0


class InterceptingServer(Server):
    """The server, which also answers over TLS and as a proxy on `front`.

    The first byte on `front` decides: a TLS handshake is forwarded to a TLS listener on loopback, and
    anything else is a request to a proxy.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        certificate: ServedCertificate | None,
        front: socket.socket,
        context: ssl.SSLContext,
        connections: Connections,
        others: OtherHosts,
    ) -> None:
        super().__init__(config, certificate)
        self.port: int = front.getsockname()[1]
        self._front, self._context, self._connections, self._others = front, context, connections, others
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
            ssl_shutdown_timeout=TLS_SHUTDOWN_SECONDS,
        )
        self._proxy = Proxy(host_port_of(tls), host_port_of(plain), self._connections, self._others)
        front = await asyncio.start_server(self._proxy, sock=self._front, limit=MAX_HEAD_BYTES)
        self.servers += [plain, tls, front]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._proxy is not None:
            self._proxy.stop()
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        protocol_class: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = protocol_class(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            is_inner=True,
        )
        return protocol


def host_port_of(server: asyncio.Server) -> HostPort:
    host, port = server.sockets[0].getsockname()[:2]
    return HostPort(host, port)
