"""The one check for text that comes from outside: UTF-8, no half of a surrogate pair, no NUL character.

PostgreSQL cannot store a NUL, and nothing can encode half of a surrogate pair. SQLite stores a NUL, so
without this check the two engines would differ. Code that reads text from outside reads it with the
functions of this file; tests/house/test_doors.py holds the list of those places.
"""

import re
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")

NUL = "\0"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# A NUL inside of JSON can only be written like this: JSON forbids raw control characters.
ESCAPED_NUL = "\\u0000"
SURROGATE = re.compile("[\ud800-\udfff]")

AT = re.compile(r" - at `\$\.?(?P<place>[^`]*)`$")
EXPECTED = re.compile(r"Expected `(?P<kind>[^`]*)`(?P<limit> of length \S+ \d+)?")
MEMBER = re.compile(r"Object (?:missing required|contains unknown) field `(?P<name>.*)`", re.DOTALL)
MAX_NAME_CHARACTERS = 64
# What the JSON library calls each type, and how we name it.
NAMES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


class BadText(ValueError):
    """Text or JSON that is refused; the message is the reason and does not quote the text."""


def ensure_text(text: str) -> str:
    """Return `text`; raise BadText if it holds a NUL or half of a surrogate pair."""
    if NUL in text:
        raise BadText("holds a NUL character")
    if not text.isascii() and SURROGATE.search(text):
        raise BadText("holds half of a surrogate pair")
    return text


def decode_text(raw: bytes) -> str:
    """Decode UTF-8; raise BadText if `raw` is not UTF-8 or holds a NUL."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise BadText("is not UTF-8") from None
    return ensure_text(text)


def ensure_texts(value: Any) -> None:
    """Check every text in a value made of dicts and lists, including names. Raises BadText."""
    if isinstance(value, str):
        ensure_text(value)
    elif isinstance(value, dict):
        for name, each in value.items():
            ensure_texts(name)
            ensure_texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            ensure_texts(each)


def mended(text: str) -> str:
    """Return `text` with U+FFFD in place of each character that `ensure_text` refuses."""
    return SURROGATE.sub(REPLACEMENT, text.replace(NUL, REPLACEMENT))


@overload
def read_json(raw: bytes | str) -> Any: ...
@overload
def read_json(raw: bytes | str, kind: type[T]) -> T: ...
def read_json(raw: bytes | str, kind: Any = Any) -> Any:
    """Decode JSON from outside into `kind`. Raises BadText for invalid JSON, another form or a bad text."""
    text = decode_text(raw) if isinstance(raw, bytes) else ensure_text(raw)
    if ESCAPED_NUL in text:
        ensure_texts(parse_json(text, Any))
    return parse_json(text, kind)


def parse_json(text: str, kind: Any) -> Any:
    """Decode JSON into `kind` without checking the texts in it. Raises BadText for invalid JSON."""
    try:
        return msgspec.json.decode(text, type=kind)
    except RecursionError:
        raise BadText("is nested too deeply") from None
    except msgspec.ValidationError as error:
        raise BadText(validation_reason(error)) from None
    except msgspec.DecodeError:
        raise BadText("is not JSON") from None


def convert(value: Any, kind: type[T]) -> T:
    """Convert decoded JSON into `kind`. Raises BadText if it has another form."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadText(validation_reason(error)) from None


def validation_reason(error: msgspec.ValidationError) -> str:
    """Return the reason why a value was refused, in our words: the library's messages are not documented."""
    said = str(error)
    at = AT.search(said)
    place = at["place"] if at else ""
    if (member := MEMBER.match(said)) is not None:
        name = f"{place}.{member['name']}" if place else member["name"]
        return f"{shortened(name)} {'is missing' if 'missing' in said else 'is not known'}"
    before = f"{shortened(place)} " if place else ""
    if (expected := EXPECTED.match(said)) is None:
        return f"{before}has a value that is not allowed"
    kinds = [NAMES.get(each, "another value") for each in expected["kind"].split(" | ")]
    return f"{before}must be {' or '.join(dict.fromkeys(kinds))}{expected['limit'] or ''}"


def shortened(name: str) -> str:
    """Return a name that a caller has sent, cut to a length that fits an error's message."""
    return name if len(name) <= MAX_NAME_CHARACTERS else f"{name[:MAX_NAME_CHARACTERS]}…"
