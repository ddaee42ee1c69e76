"""A request and its answer as the pipeline knows them, whatever brings the one and carries the other."""

from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple, Protocol


class RequestBody(Protocol):
    """A request's body, read in pieces."""

    async def read(self, size: int | None = -1, /) -> bytes: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Trace:
    """What the log will say of a request: nothing that is secret."""

    __slots__ = ("account_sid", "error_code", "request_id", "route", "status")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.route: str | None = None
        self.status: int | None = None
        self.error_code: int | None = None
        self.account_sid: str | None = None


class Incoming(Protocol):
    """A request. Its path and query are as they were sent, without the host."""

    @property
    def path(self) -> str: ...
    @property
    def query(self) -> str: ...
    @property
    def content_type(self) -> str | None: ...
    @property
    def content_length(self) -> int | None: ...
    @property
    def body(self) -> RequestBody: ...
    @property
    def trace(self) -> Trace: ...
    def header(self, name: str, /) -> str | None: ...


class Reply(NamedTuple):
    """An answer: with a `body`, with `chunks` of `length` bytes in all, or empty."""

    status: int
    body: bytes | None = None
    content_type: str | None = None
    headers: Mapping[str, str] = {}
    chunks: AsyncIterator[bytes] | None = None
    length: int = 0
