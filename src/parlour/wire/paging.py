"""Pagination of every list: page requests, keyset tokens and the page envelope."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from parlour import errors
from parlour.wire.field_types import FieldType

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 100
# The largest number that clients can hold; the published descriptions call both parameters int64.
MAX_PAGE_NUMBER = 2**63 - 1

Query = Mapping[str, str | list[str]]
Key = tuple[int | str, ...]
R = TypeVar("R")

# The key is an index, or a moment and a SID. Only a moment can be negative: before 1970.
TOKEN = re.compile(r"P([TB])(?:(\d{1,18})|(-?\d{1,18})_([A-Z]{2}[0-9a-fA-F]{32}))", re.ASCII)
NUMBER = re.compile(r"\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """The position of a page: `PT<key>` starts at that key, `PB<key>` ends just before it.

    A token names a key and not a count, so pages stay right while rows are added and removed. It has no
    dots: one of the official clients removes `.digits` from every query (contract: messages.md §0).
    """

    key: Key
    before: bool = False

    def __str__(self) -> str:
        return ("PB" if self.before else "PT") + "_".join(map(str, self.key))

    @classmethod
    def read(cls, raw: str) -> "Token":
        match = TOKEN.fullmatch(raw)
        if match is None:
            raise errors.INVALID_PARAMETER(name="PageToken", reason="is not one of this list's tokens")
        direction, index, moment, sid = match.groups()
        return cls((int(moment), sid) if index is None else (int(index),), before=direction == "B")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page that a caller requests.

    `size` is the number of rows, `number` the client's own count of pages, which is repeated only. `filters`
    holds the values of filters by parameter, `echoed` the texts of them that URLs of other pages repeat.
    """

    size: int = DEFAULT_PAGE_SIZE
    number: int = 0
    token: Token | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
    echoed: Mapping[str, str] = field(default_factory=dict)

    def url(self, path: str, number: int, token: Token | None) -> str:
        query = {**self.echoed, "PageSize": self.size, "Page": number}
        if token is not None:
            query["PageToken"] = str(token)
        return f"{path}?{urlencode(query)}"


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    rows: Sequence[R]
    previous: Token | None
    next: Token | None


def read_page_request(query: Query, filters: Mapping[str, FieldType], max_size: int) -> PageRequest:
    """Read the query of a list. Raises 400/20001 for an invalid parameter.

    A PageSize above `max_size` is reduced to it, however large it is: clients send `limit` as PageSize
    (contract: messages.md §0).
    """
    read, echoed = {}, {}
    for name, field_type in filters.items():
        raw = last(query, name)
        if raw:
            read[name] = read_filter(name, field_type, raw)
            echoed[name] = read[name] if isinstance(read[name], str) else raw
    token = last(query, "PageToken")
    return PageRequest(
        size=read_number(query, "PageSize", min(DEFAULT_PAGE_SIZE, max_size), least=1, most=max_size),
        number=read_number(query, "Page", 0, least=0, most=MAX_PAGE_NUMBER),
        token=Token.read(token) if token else None,
        filters=read,
        echoed=echoed,
    )


def last(query: Query, name: str) -> str:
    raw = query.get(name, "")
    return raw if isinstance(raw, str) else raw[-1]


def read_filter(name: str, field_type: FieldType, raw: str) -> Any:
    try:
        return field_type.read(raw)
    except ValueError as reason:
        raise errors.INVALID_PARAMETER(name=name, reason=reason) from None


def read_number(query: Query, name: str, default: int, least: int, most: int) -> int:
    """Return a whole number of the query; one above `most` counts as `most`. Raises 400/20001."""
    raw = last(query, name)
    if not raw:
        return default
    digits = raw.lstrip("0") or "0"
    # The length is compared first, because int() refuses a text of thousands of digits.
    if NUMBER.fullmatch(raw) and len(digits) > len(str(most)):
        return most
    if not NUMBER.fullmatch(raw) or int(digits) < least:
        raise errors.INVALID_PARAMETER(name=name, reason=f"must be a whole number, at least {least}")
    return min(int(digits), most)


def envelope(page: Page[Any], asked: PageRequest, key: str, url: str, bodies: list[Any]) -> dict[str, Any]:
    """Return the body of a page: `meta` with the URLs of other pages, and the rows' bodies under `key`."""

    def link(token: Token | None, number: int) -> str | None:
        return None if token is None else asked.url(url, number, token)

    meta = {
        "page": asked.number,
        "page_size": asked.size,
        "first_page_url": asked.url(url, 0, None),
        "previous_page_url": link(page.previous, max(asked.number - 1, 0)),
        "url": asked.url(url, asked.number, asked.token),
        "next_page_url": link(page.next, min(asked.number + 1, MAX_PAGE_NUMBER)),
        "key": key,
    }
    return {"meta": meta, key: bodies}


def page_schema(key: str, item: Mapping[str, Any]) -> dict[str, Any]:
    uri = {"type": "string", "format": "uri"}
    meta = {
        "page": {"type": "integer"},
        "page_size": {"type": "integer"},
        "first_page_url": uri,
        "previous_page_url": uri | {"type": ["string", "null"]},
        "url": uri,
        "next_page_url": uri | {"type": ["string", "null"]},
        "key": {"type": "string", "enum": [key]},
    }
    return {
        "type": "object",
        "properties": {
            "meta": {"type": "object", "properties": meta, "required": list(meta)},
            key: {"type": "array", "items": dict(item)},
        },
        "required": ["meta", key],
    }
