"""The two directions of a connection: batched writes, reading that can be paused, and error responses."""

import asyncio
from typing import Any

import msgspec
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from parlour import errors


class BatchedTransport:
    """A transport that sends all that is written in one turn of the event loop with one system call."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._written: list[bytes] = []
        # Called for each request: an attribute of its own saves the call of `__getattr__`.
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        self._written.append(data)
        if len(self._written) == 1:
            self._loop.call_soon(self._flush)

    def write_eof(self) -> None:
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def get_write_buffer_size(self) -> int:
        self._flush()
        return self._transport.get_write_buffer_size()

    def _flush(self) -> None:
        # Cleared first: the transport may pause the protocol while it writes, which flushes again.
        written, self._written = self._written, []
        if written:
            self._transport.writelines(written)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class PausableFlow(FlowControl):
    """uvicorn's flow control, but while `holds` is set, reading is not resumed.

    It is set while bytes of a later request wait until the current one is answered.
    """

    holds = False

    def resume_reading(self) -> None:
        if self.read_paused and not self.holds:
            super().resume_reading()


def error_response(error: errors.ApiError, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return a whole response that closes the connection, for errors that the application never sees."""
    body = msgspec.json.encode(error.body())
    head = [STATUS_LINE[error.problem.status]]
    head += [b"%s: %s\r\n" % header for header in default_headers]
    head.append(b"content-type: application/json\r\nconnection: close\r\n")
    if error.problem is errors.SERVICE_UNAVAILABLE:
        head.append(b"retry-after: 1\r\n")
    head.append(b"content-length: %d\r\n\r\n" % len(body))
    return b"".join(head) + body
