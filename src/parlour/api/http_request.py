"""Requests that come by HTTP, and the sending of their answers."""

import sys
from collections.abc import AsyncIterator
from urllib.parse import quote

from parlour import errors
from parlour.api.access_log import AsgiScope, Receive, Send
from parlour.api.exchange import ApiResponse, RequestTrace

# Values of `Content-Encoding` for a body that is not encoded.
UNENCODED = {"", "identity"}
# Answers that have no body, and say nothing about one (RFC 9110 §8.6).
WITHOUT_BODY = {204, 304}


class HttpRequest:
    """An ApiRequest that came by HTTP. Its path has no slash at its end.

    The path is the one that was sent: ASGI servers decode `%2F`, but a unique name may contain a slash.
    """

    __slots__ = ("_body", "_headers", "_receive", "method", "path", "query", "trace")

    def __init__(self, scope: AsgiScope, receive: Receive) -> None:
        path = as_ascii(scope["raw_path"])
        self.method: str = scope["method"]
        self.path = path[:-1] if path.endswith("/") and path != "/" else path
        self.query = as_ascii(scope["query_string"])
        self.trace: RequestTrace = scope["trace"]
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._receive = receive
        self._body: HttpBody | None = None

    def header(self, name: str, /) -> str | None:
        """Return a header's value; several values are joined by commas (RFC 9110 §5.3)."""
        wanted = name.lower().encode()
        values = [value for name, value in self._headers if name == wanted]
        return b",".join(values).decode("latin-1") if values else None

    @property
    def content_type(self) -> str | None:
        return self.header("content-type")

    @property
    def content_length(self) -> int | None:
        length = self.header("content-length")
        return None if length is None else int(length)

    @property
    def body(self) -> "HttpBody":
        if self._body is None:
            encoding = (self.header("content-encoding") or "").strip().lower()
            self._body = HttpBody(self._receive, is_encoded=encoding not in UNENCODED)
        return self._body


class HttpBody:
    """A request's body. Raises 415/20415 if it is encoded, and 400/20001 if it is cut off."""

    def __init__(self, receive: Receive, *, is_encoded: bool) -> None:
        self._receive, self._is_encoded = receive, is_encoded
        self._rest, self._is_complete = b"", False

    async def begin(self) -> None:
        """Wait for the first part, so that a body that is no valid HTTP is refused as such."""
        self._rest = await self._receive_part()

    async def read(self, size: int | None = -1, /) -> bytes:
        """Return `size` bytes, or fewer at the end of the body; without a size, all that is left."""
        self._ensure_is_plain()
        end = sys.maxsize if size is None or size < 0 else size
        found, self._rest = bytearray(self._rest), b""
        while len(found) < end and not self._is_complete:
            found += await self._receive_part()
        self._rest = bytes(found[end:])
        return bytes(found[:end])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._ensure_is_plain()
        part, self._rest = self._rest, b""
        while part or not self._is_complete:
            if part:
                yield part
            part = b"" if self._is_complete else await self._receive_part()

    def _ensure_is_plain(self) -> None:
        if self._is_encoded:
            raise errors.CONTENT_ENCODED()

    async def _receive_part(self) -> bytes:
        event = await self._receive()
        if event["type"] == "http.disconnect":
            raise errors.INVALID_REQUEST(reason="its body was cut off")
        self._is_complete = not event.get("more_body", False)
        part: bytes = event.get("body", b"")
        return part


def as_ascii(raw: bytes) -> str:
    return raw.decode() if raw.isascii() else quote(raw, safe="/?&=%+!$'()*,;:@~")


async def send_response(response: ApiResponse, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in response.headers.items()]
    if response.content_type is not None:
        headers.append((b"content-type", response.content_type.encode()))
    body = response.body or b""
    if response.status not in WITHOUT_BODY:
        length = len(body) if response.chunks is None else response.length
        headers.append((b"content-length", b"%d" % length))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if response.chunks is not None:
        async for chunk in response.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": body})
