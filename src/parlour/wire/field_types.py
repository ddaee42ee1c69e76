"""The types of fields: how a value is read from a form, shown in a body and described in OpenAPI."""

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NoReturn

import msgspec

from parlour import errors
from parlour.errors import Problem
from parlour.wire.urls import is_http_url

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
SECOND = 1_000
DAY = 24 * 60 * 60 * SECOND

DOT_SEGMENTS = (".", "..")

DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
DATE_AND_TIME = re.compile(DATE.pattern + r"[Tt ]\d\d:\d\d.*", re.ASCII)


@dataclass(frozen=True, eq=False)
class FieldType:
    """A type of values: how they are read, shown and described.

    `read` converts a parameter's text into the stored value; for a `repeated` parameter it gets the list of
    all texts. It raises an ApiError of its own, or a ValueError whose message is the reason. `show` converts
    the stored value for a body; without it, the value is shown as it is stored. `schema` is the JSON Schema
    in a body, `input_schema` that of the parameter.
    """

    read: Callable[[Any], Any]
    schema: Mapping[str, Any]
    show: Callable[[Any], Any] | None = None
    parameter_schema: Mapping[str, Any] | None = None
    repeated: bool = False

    @property
    def input_schema(self) -> Mapping[str, Any]:
        return self.schema if self.parameter_schema is None else self.parameter_schema


def text(
    max_characters: int | None = None, too_long: Problem | None = None, empty: Problem | None = None
) -> FieldType:
    """Return the type of texts of at most `max_characters` Unicode code points."""

    def read(raw: str) -> str:
        if max_characters is not None and len(raw) > max_characters:
            if too_long is not None:
                raise too_long()
            raise ValueError(f"must be at most {max_characters} characters")
        if empty is not None and not raw:
            raise empty()
        return raw

    limit = {} if max_characters is None else {"maxLength": max_characters}
    least = {} if empty is None else {"minLength": 1}
    return FieldType(read, {"type": "string"}, parameter_schema={"type": "string", **limit, **least})


def path_name(max_characters: int, too_long: Problem, empty: Problem | None = None) -> FieldType:
    """Return the type of names that stand in paths.

    `.` and `..` are refused: HTTP clients and proxies resolve them before they send a request, even if
    they are percent-encoded (RFC 3986 §6.2.2).
    """
    any_text = text(max_characters, too_long, empty)

    def read(raw: str) -> str:
        if raw in DOT_SEGMENTS:
            raise ValueError("must not be . or .., because no URL can name it")
        return str(any_text.read(raw))

    schema = {**any_text.input_schema, "not": {"enum": list(DOT_SEGMENTS)}}
    return FieldType(read, any_text.schema, parameter_schema=schema)


def json_text(max_bytes: int) -> FieldType:
    """Return the type of texts that hold JSON, stored exactly as they were sent; "" is stored as {}."""

    def read(raw: str) -> str:
        if len(raw.encode()) > max_bytes:
            raise errors.ATTRIBUTES_TOO_LONG()
        if raw and not is_json(raw):
            raise errors.ATTRIBUTES_NOT_JSON()
        return raw or "{}"

    return FieldType(read, {"type": "string"}, parameter_schema={"type": "string", "maxLength": max_bytes})


def is_json(raw: str) -> bool:
    """Whether a text is valid JSON, with any numbers and any escapes."""
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        # The fast decoder refuses some valid JSON: lone surrogates, numbers beyond a double.
        return is_strict_json(raw)
    return True


def is_strict_json(raw: str) -> bool:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    try:
        json.loads(raw, parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return True


def choice(*names: str, invalid: Problem | None = None, empty: Problem | None = None) -> FieldType:
    """Return the type of one of these names, in any case (contract: rest-of-api.md §0)."""
    canonical = {name.lower(): name for name in names}

    def read(raw: str) -> str:
        name = canonical.get(raw.lower())
        if name is not None:
            return name
        if empty is not None and not raw:
            raise empty()
        if invalid is not None:
            raise invalid()
        raise ValueError(f"must be one of {', '.join(names)}")

    return FieldType(read, {"type": "string", "enum": list(names)})


def choice_list(names: tuple[str, ...], invalid: Problem) -> FieldType:
    """Return the type of lists of these names, each in any case; a lone "" is the empty list."""
    one = choice(*names, invalid=invalid)

    def read(raw: list[str]) -> str:
        return write_list(dict.fromkeys(one.read(each) for each in raw if each))

    return list_of(read)


def text_list(max_count: int, max_characters: int, invalid: Problem, too_many: Problem) -> FieldType:
    """Return the type of lists of up to `max_count` texts, each of 1 to `max_characters` code points."""

    def read(raw: list[str]) -> str:
        if not all(1 <= len(each) <= max_characters for each in raw):
            raise invalid()
        if len(raw) > max_count:
            raise too_many()
        return write_list(raw)

    item = {"type": "string", "minLength": 1, "maxLength": max_characters}
    return FieldType(read, {"type": "array", "items": item, "maxItems": max_count}, show_json, repeated=True)


def list_of(read: Callable[[list[str]], str]) -> FieldType:
    """Return the type of a repeated parameter that `read` converts into a JSON list."""
    schema = {"type": "array", "items": {"type": "string"}}
    return FieldType(read, schema, show_json, repeated=True)


def write_list(items: Iterable[str]) -> str:
    return msgspec.json.encode(list(items)).decode()


def url(max_characters: int, invalid: Problem, too_long: Problem) -> FieldType:
    """Return the type of http and https URLs; "" removes the URL."""

    def read(raw: str) -> str | None:
        if not raw:
            return None
        if len(raw) > max_characters:
            raise too_long()
        if not is_http_url(raw):
            raise invalid()
        return raw

    return FieldType(read, {"type": "string", "format": "uri"})


def timestamp(invalid: Problem | None = None, nullable: bool = False) -> FieldType:
    """Return the type of moments: stored as milliseconds since 1970, shown in whole seconds of UTC."""

    def read(raw: str) -> int | None:
        if nullable and raw in ("", "null"):
            return None
        try:
            return read_moment(raw)
        except (ValueError, OverflowError):
            if invalid is not None:
                raise invalid() from None
            raise ValueError("must be an ISO 8601 date and time") from None

    return FieldType(read, {"type": "string", "format": "date-time"}, show_moment)


def date_bound(last: bool) -> FieldType:
    """Return the type of a filter's bound: the first or the `last` millisecond of a second or a day."""

    def read(raw: str) -> int:
        try:
            if DATE.fullmatch(raw):
                return read_moment(f"{raw}T00:00:00") + (DAY - 1 if last else 0)
            moment = read_moment(raw)
        except (ValueError, OverflowError):
            raise ValueError("must be an ISO 8601 date, or date and time") from None
        # Bodies show whole seconds, so filters compare whole seconds.
        return moment // SECOND * SECOND + (SECOND - 1 if last else 0)

    return FieldType(read, {"type": "string"})


def read_moment(raw: str) -> int:
    """Return the milliseconds since 1970 of `2015-12-16T22:18:37.5+01:00`; UTC if there is no offset.

    Raises ValueError, or OverflowError for a year that UTC cannot express.
    """
    if not DATE_AND_TIME.fullmatch(raw):
        raise ValueError(raw)
    moment = datetime.fromisoformat(raw)
    # The conversion refuses a moment whose year in UTC cannot be shown.
    utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return (utc - EPOCH) // MILLISECOND


@functools.lru_cache(maxsize=4_096)
def show_second(second: int) -> str:
    return (EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)


def show_moment(milliseconds: int) -> str:
    # The official clients parse whole seconds only; webhooks show the milliseconds.
    return show_second(milliseconds // SECOND)


def show_millisecond(milliseconds: int) -> str:
    return f"{show_second(milliseconds // SECOND)[:-1]}.{milliseconds % SECOND:03}Z"


def show_microsecond(milliseconds: int) -> str:
    # The media service shows microseconds and an offset (contract: messages.md §5).
    return f"{show_millisecond(milliseconds)[:-1]}000+00:00"


def read_integer(raw: str) -> int:
    if not re.fullmatch(r"-?\d{1,15}", raw, re.ASCII):
        raise ValueError("must be a whole number")
    return int(raw)


def read_flag(raw: str) -> int:
    """Read `true` or `false`, in any case (contract: rest-of-api.md §0)."""
    if raw.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return int(raw.lower() == "true")


def show_json(stored: str) -> msgspec.Raw:
    return msgspec.Raw(stored.encode())


def read_count(raw: str) -> int:
    count = read_integer(raw)
    if count < 0:
        raise ValueError("must be a whole number, at least 0")
    return count


Text = Annotated[str, text()]
Integer = Annotated[int, FieldType(read_integer, {"type": "integer"})]
Count = Annotated[int, FieldType(read_count, {"type": "integer", "minimum": 0})]
Flag = Annotated[int, FieldType(read_flag, {"type": "boolean"}, bool)]
Timestamp = Annotated[int, timestamp()]
DateCreated = Annotated[int, timestamp(errors.INVALID_DATE_CREATED)]
DateUpdated = Annotated[int, timestamp(errors.INVALID_DATE_UPDATED)]
JsonObject = Annotated[str, FieldType(str, {"type": "object"}, show_json)]
JsonList = Annotated[str, FieldType(str, {"type": "array"}, show_json)]
FriendlyName = Annotated[str, text(256, errors.FRIENDLY_NAME_TOO_LONG)]
