"""uvicorn's protocol, as we want it: answers in one packet, and an envelope for what is not HTTP."""

import asyncio
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from parlour import errors


class Packet:
    """A transport that sends what is written in one turn of the event loop with one system call."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._written.append(data)
        if len(self._written) == 1:
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._written:
            self._transport.writelines(self._written)
            self._written.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Protocol(HttpToolsProtocol):
    """uvicorn's, with the head and the body of an answer in one packet.

    What is not HTTP is answered with the same envelope as everything else.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # a TCP one only
        super().connection_made(Packet(transport, self.loop))  # type: ignore[arg-type]  # it stands in for one

    def on_message_begin(self) -> None:
        super().on_message_begin()
        # For faults: an ASGI application has no other way to break a connection off.
        self.scope["parlour.drop"] = self.transport.abort  # type: ignore[typeddict-unknown-key]  # an extension

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it may say what only we should know
        body = msgspec.json.encode(errors.INVALID_REQUEST(reason="it is not valid HTTP").body())
        head = [b"HTTP/1.1 400 Bad Request\r\n"]
        head += [name + b": " + value + b"\r\n" for name, value in self.server_state.default_headers]
        head.append(b"content-type: application/json\r\nconnection: close\r\n")
        head.append(b"content-length: %d\r\n\r\n" % len(body))
        self.transport.write(b"".join(head) + body)
        self.transport.close()
