"""Texts that no door may take: not UTF-8, half of a surrogate pair, NUL; as bytes and as JSON escapes."""

import json
from itertools import chain

from parlour.store.row_texts import JSON_COLUMNS

# What each is as it is sent; percent-encoded where that is asked for.
BYTES = {
    "a byte that starts nothing": b"\xff",
    "a character cut off": b"caf\xc3",
    "half of a surrogate pair": b"\xed\xa0\x80",
    "an overlong NUL": b"\xc0\x80",
    "a NUL": b"\0",
    "a NUL within": b"a\0b",
}
# Of each kind one, for tests that knock at very many doors.
FEW_BYTES = [b"caf\xc3", b"a\0b"]
# As they stand within the quotes of a JSON string.
ESCAPES = [rb"a\u0000b", rb"\ud800"]
IN_JSON = [*FEW_BYTES, *ESCAPES]

# Words of Python and of libraries, which no caller is to read.
WORDS = ("codec", "utf-8'", "Expected `", "msgspec", "Traceback", "Error:", "object at 0x", "truncated")


def percent_encoded(raw):
    return "".join(f"%{byte:02X}" for byte in raw)


def is_refusal(answer, statuses=(400,)):
    """Whether it is a refusal in the one shape, without words of libraries."""
    error = answer.json()
    return (
        answer.status_code in statuses
        and set(error) == {"code", "message", "more_info", "status"}
        and not any(word in error["message"] for word in WORDS)
    )


def tainted(tables):
    """The texts in `tables` that hold a NUL, plainly or in JSON; attributes are kept to the letter."""
    return [
        (table, column, value)
        for table, rows in tables.items()
        for row in rows
        for column, value in row.items()
        if isinstance(value, str) and "\0" in (said_in(value) if column in JSON_COLUMNS else value)
    ]


def said_in(text):
    """All texts in a value that is stored as JSON, one after the other."""
    found = []
    json.loads(text, object_hook=lambda item: found.extend(map(str, chain(*item.items()))))
    return "".join(found)
