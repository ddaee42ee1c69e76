"""Answers of the proxy to requests that it refuses: the error body of the API."""

import asyncio
import contextlib
from http import HTTPStatus

import msgspec

from parlour.api.body import JSON
from parlour.errors import ApiError
from parlour.http.connections import LINGER_SECONDS

CHUNK_BYTES = 65_536


async def send_refusal(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, refusal: ApiError, reason: str = ""
) -> None:
    """Answer with the error, with `reason` in the status line too, and discard the rest of the request."""
    status = HTTPStatus(refusal.problem.status)
    body = msgspec.json.encode(refusal.body())
    # The text may repeat a host that is not ASCII.
    line = f"{status.value} {status.phrase}{reason and ': '}{reason}".encode("ascii", "replace")
    head = f"Content-Type: {JSON}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(b"HTTP/1.1 " + line + b"\r\n" + head.encode() + body)
    with contextlib.suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()
    # Read and discard the rest: if the connection were closed now, the client might not get the answer.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while await reader.read(CHUNK_BYTES):
                pass
