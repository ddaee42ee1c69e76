"""Parses fixture documents, YAML or JSON, into dicts, lists and texts. Scalars keep their text."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from parlour.wire.texts import BadText, decode_text, ensure_text, ensure_texts

# Limits of a YAML document; the parser makes some 200,000 nodes a second. An alias counts as its value does,
# otherwise a document of a few lines could become one of any size.
MAX_NODES = 1_000_000
MAX_CHARACTERS = 64 * 1_048_576
MAX_DEPTH = 100
TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"

# Plain scalars that are numbers or booleans in JSON. Everything else is text: `NO`, `007`, `12:30`, `+1555`.
JSON_SCALAR = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false")
NULLS = frozenset({"", "~", "null", "Null", "NULL"})
TEXT_TAGS = frozenset({"!", "tag:yaml.org,2002:str"})
MERGE = "<<"


class PlainScalar(str):
    """A number, `true` or `false`, as written. Fields of texts take the text, others the value."""

    __slots__ = ()


def read_document(raw: bytes, content_type: str) -> Any:
    """Return the document as dicts, lists, str, PlainScalar and None. Raises BadText."""
    if "yaml" in content_type.lower():
        return ensure_shallow(read_yaml(decode_text(raw)))
    try:
        value = json.loads(
            decode_text(raw), parse_int=PlainScalar, parse_float=PlainScalar, parse_constant=refuse
        )
        ensure_texts(value)
    except RecursionError:
        raise BadText(TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise BadText(f"is not JSON: see line {error.lineno}, column {error.colno}") from None
    return ensure_shallow(value)


def refuse(constant: str) -> Any:
    raise BadText(f"is not JSON: it has no {constant}")


def ensure_shallow(value: Any, depth: int = 0) -> Any:
    """Return `value`; raise BadText if it is nested deeper than MAX_DEPTH."""
    if depth > MAX_DEPTH:
        raise BadText(TOO_DEEP)
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in below:
        ensure_shallow(each, depth + 1)
    return value


def as_json(value: Any) -> str:
    """Return the JSON of a value of a document. Numbers keep the digits of the document."""
    if isinstance(value, PlainScalar):
        return str(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(str(name))}: {as_json(each)}' for name, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_json, value))}]"
    return json.dumps(value)


def read_yaml(text: str) -> Any:
    import yaml  # noqa: PLC0415 - most servers never need it, and it is slow to load

    try:
        return YamlReader(iter(yaml.parse(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader)))).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = "" if mark is None else f": see line {mark.line + 1}, column {mark.column + 1}"
        raise BadText(f"is not YAML{where}") from None
    except yaml.YAMLError:
        raise BadText("is not YAML: it holds a character that YAML forbids") from None


class Anchor(NamedTuple):
    """A value that aliases may refer to, and what each alias adds to the limits."""

    value: Any
    nodes: int
    characters: int


class YamlReader:
    """Builds values from the parser's events, within the limits above.

    The library's own loaders read `NO` as false and `12:30` as 750, and have no limit of depth.
    """

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._nodes = self._characters = 0
        self._anchors: dict[str, Anchor] = {}
        self._builders: dict[str, Callable[[Any, int], Any]] = {
            "AliasEvent": self._alias,
            "ScalarEvent": self._scalar,
            "SequenceStartEvent": self._sequence,
            "MappingStartEvent": self._mapping,
        }

    def read(self) -> Any:
        """Return the document, or None if there is none. Raises BadText if there are several."""
        values: list[Any] = []
        for event in self._events:
            if type(event).__name__ == "DocumentStartEvent":
                if values:
                    raise BadText("holds more than one document")
                values.append(self._value(next(self._events), 0))
        return values[0] if values else None

    def _value(self, event: Any, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise BadText(TOO_DEEP)
        nodes, characters = self._nodes, self._characters
        self._count(1, 0)
        value = self._builders[type(event).__name__](event, depth)
        if event.anchor is not None and type(event).__name__ != "AliasEvent":
            self._anchors[event.anchor] = Anchor(value, self._nodes - nodes, self._characters - characters)
        return value

    def _count(self, nodes: int, characters: int) -> None:
        self._nodes += nodes
        self._characters += characters
        if self._nodes > MAX_NODES or self._characters > MAX_CHARACTERS:
            raise BadText(f"holds more than {MAX_NODES:,} values, or {MAX_CHARACTERS:,} characters")

    def _alias(self, event: Any, _: int) -> Any:
        known = self._anchors.get(event.anchor)
        if known is None:
            raise BadText(f"has an alias before its anchor{place_of(event)}")
        self._count(known.nodes, known.characters)
        return known.value

    def _scalar(self, event: Any, _: int) -> Any:
        text = ensure_text(event.value)
        self._count(0, len(text))
        if event.tag is not None and event.tag not in TEXT_TAGS:
            raise BadText(f"has a tag{place_of(event)}: only !!str is known")
        if event.tag is not None or event.style:
            return text
        if text in NULLS:
            return None
        return PlainScalar(text) if JSON_SCALAR.fullmatch(text) else text

    def _sequence(self, event: Any, depth: int) -> list[Any]:
        ensure_untagged(event)
        return [self._value(each, depth + 1) for each in self._until("SequenceEndEvent")]

    def _mapping(self, event: Any, depth: int) -> dict[str, Any]:
        ensure_untagged(event)
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for each in self._until("MappingEndEvent"):
            name = self._value(each, depth + 1)
            value = self._value(next(self._events), depth + 1)
            if name == MERGE:
                for more in reversed(value if isinstance(value, list) else [value]):
                    if not isinstance(more, dict):
                        raise BadText(f"merges what is not a mapping{place_of(each)}")
                    merged |= more
            elif isinstance(name, str):
                own[name] = value
            else:
                raise BadText(f"has a name that is not text{place_of(each)}")
        return merged | own

    def _until(self, end: str) -> Iterator[Any]:
        while type(event := next(self._events)).__name__ != end:
            yield event


def ensure_untagged(event: Any) -> None:
    if event.tag is not None:
        raise BadText(f"has a tag{place_of(event)}: only !!str is known")


def place_of(event: Any) -> str:
    return f" in line {event.start_mark.line + 1}"
