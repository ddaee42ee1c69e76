"""The text check of imports: an older version stored NUL characters in SQLite, which PostgreSQL refuses."""

from collections import Counter
from typing import Any

import msgspec

from parlour.wire.texts import ESCAPED_NUL, BadText, ensure_text, ensure_texts, mended

# Columns that hold JSON, in which a NUL is written as an escape and appears when the value is decoded.
# `attributes` is not among them: it is stored and shown as it was sent.
JSON_COLUMNS = frozenset(
    {
        "attempts",
        "content",
        "data",
        "delivery",
        "filters",
        "media",
        "parameters",
        "permissions",
        "reports",
        "triggers",
        "types",
        "variables",
    }
)


class RowTexts:
    """Checks the texts of rows. With `mend`, replaces refused characters by U+FFFD and counts the values."""

    def __init__(self, *, mend: bool) -> None:
        self._mend = mend
        self.mended: Counter[str] = Counter()

    def checked(self, table: str, name: str, value: Any) -> Any:
        """Return the value to store in a column. Raises BadText."""
        if not isinstance(value, str):
            return value
        try:
            ensure_text(value)
            if name in JSON_COLUMNS and ESCAPED_NUL in value:
                ensure_texts(msgspec.json.decode(value))
        except msgspec.DecodeError:
            raise BadText(f"{name} is not JSON") from None
        except BadText as reason:
            if not self._mend:
                raise BadText(f"{name} {reason}; --mend puts U+FFFD in its place") from None
            self.mended[f"{table}.{name}"] += 1
            return mended_column(name, value)
        return value


def mended_column(name: str, value: str) -> str:
    text = mended(value)
    if name not in JSON_COLUMNS:
        return text
    return msgspec.json.encode(mended_value(msgspec.json.decode(text))).decode()


def mended_value(value: Any) -> Any:
    if isinstance(value, str):
        return mended(value)
    if isinstance(value, list):
        return [mended_value(each) for each in value]
    if isinstance(value, dict):
        return {mended(name): mended_value(each) for name, each in value.items()}
    return value
