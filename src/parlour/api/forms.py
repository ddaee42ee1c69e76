"""From the bytes of a form or a query string to parameters."""

from urllib.parse import unquote_to_bytes

from falcon.uri import parse_query_string

from parlour import errors

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def parse_form(raw: bytes) -> dict[str, str | list[str]]:
    """Parameters by name; a repeated one as a list. Invalid UTF-8 and NUL are refused."""
    if not raw:
        return {}
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise errors.INVALID_REQUEST(reason="the parameters are not UTF-8") from None
    form: dict[str, str | list[str]] = parse_query_string(text, keep_blank=True, csv=False)
    for name, value in form.items():
        for each in (name, value) if isinstance(value, str) else (name, *value):
            if "\0" in each:
                raise errors.INVALID_REQUEST(reason="a parameter holds a NUL character")
            if REPLACEMENT in each:
                ensure_utf_8(text)
    return form


def ensure_utf_8(text: str) -> None:
    # The parser puts U+FFFD in place of bytes that are not UTF-8; here it is told from one that was sent.
    try:
        unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise errors.INVALID_REQUEST(reason="the parameters are not UTF-8") from None
