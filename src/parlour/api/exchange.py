"""Requests and answers of the pipeline, which do not depend on how they are transported."""

from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple, Protocol


class RequestBody(Protocol):
    """A request's body, read in pieces."""

    async def read(self, size: int | None = -1, /) -> bytes: ...
    def __aiter__(self) -> AsyncIterator[bytes]: ...


class RequestTrace:
    """What is logged about a request. Nothing in it is secret.

    `unserved` is the template of a path of the original that is not served yet.
    """

    __slots__ = ("account_sid", "error_code", "request_id", "route", "status", "unserved")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.route: str | None = None
        self.status: int | None = None
        self.error_code: int | None = None
        self.account_sid: str | None = None
        self.unserved: str | None = None


class ApiRequest(Protocol):
    """A request. The path and the query are as they were sent, without the host."""

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
    def trace(self) -> RequestTrace: ...
    def header(self, name: str, /) -> str | None: ...


class ApiResponse(NamedTuple):
    """An answer: with a `body`, with `chunks` of `length` bytes in all, or empty."""

    status: int
    body: bytes | None = None
    content_type: str | None = None
    headers: Mapping[str, str] = {}
    chunks: AsyncIterator[bytes] | None = None
    length: int = 0
