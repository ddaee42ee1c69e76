"""The types of fields in a JSON body: each reads the JSON text of one member of the object."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from parlour.errors import Problem
from parlour.wire.field_types import FieldType, show_json
from parlour.wire.texts import read_json


def json_string(
    max_characters: int, too_long: Problem | None = None, *, may_be_empty: bool = True
) -> FieldType:
    """Return the type of JSON strings of at most `max_characters` Unicode code points."""

    def read(raw: str) -> str:
        text = read_json(raw, str)
        if len(text) > max_characters and too_long is not None:
            raise too_long()
        if len(text) > max_characters or not (text or may_be_empty):
            raise ValueError(f"must be text of at most {max_characters} characters")
        return text

    least = {} if may_be_empty else {"minLength": 1}
    given = {"type": "string", "maxLength": max_characters, **least}
    return FieldType(read, {"type": "string"}, parameter_schema=given)


def json_object(check: Callable[[Any], Any], schema: Mapping[str, Any]) -> FieldType:
    """Return the type of JSON objects, stored as `check` returns them. `check` raises ValueError."""

    def read(raw: str) -> str:
        try:
            return msgspec.json.encode(check(read_json(raw))).decode()
        except RecursionError:
            raise ValueError("is nested too deeply") from None

    return FieldType(read, {"type": "object"}, show_json, parameter_schema=schema)
