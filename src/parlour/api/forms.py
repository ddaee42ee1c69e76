"""Decodes forms, query strings and parts of paths into valid text."""

from urllib.parse import unquote_to_bytes

from falcon.uri import parse_query_string

from parlour import errors
from parlour.wire.texts import REPLACEMENT, BadText, decode_text, ensure_text


def parse_form(raw: bytes) -> dict[str, str | list[str]]:
    """Return the parameters by name; a repeated one as a list. Raises 400/20001 for bad UTF-8 and NUL."""
    if not raw:
        return {}
    try:
        text = decode_text(raw)
        form: dict[str, str | list[str]] = parse_query_string(text, keep_blank=True, csv=False)
        for name, value in form.items():
            for each in (name, value) if isinstance(value, str) else (name, *value):
                ensure_text(each)
                if REPLACEMENT in each:
                    # The parser replaces bytes that are not UTF-8 by U+FFFD.
                    decode_text(unquote_to_bytes(text))
    except BadText as reason:
        raise errors.INVALID_REQUEST(reason=f"a parameter {reason}") from None
    return form


def last_of(value: str | list[str]) -> str:
    """Return the last value of a parameter, the one that counts (docs/decisions/0005)."""
    return value if isinstance(value, str) else value[-1]


def decode_segment(segment: str, resource_path: str) -> str:
    """Decode a part of a path. Raises 404/20404 if it is not valid text."""
    if "%" not in segment:
        return segment
    try:
        return decode_text(unquote_to_bytes(segment))
    except BadText:
        raise errors.NOT_FOUND(path=resource_path) from None
