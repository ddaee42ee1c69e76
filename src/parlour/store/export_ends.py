"""The first and the last line of an export, by which an import knows whether the file is whole."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from parlour.wire.texts import decode_text, parse_json

VERSION = 1
FIRST, LAST = b'{"parlour_export":', b'{"rows":'

encode = msgspec.json.Encoder().encode


class NotWhole(Exception):
    """An export does not hold what it says that it holds."""


class First(msgspec.Struct):
    """`{"parlour_export":1}`: a last line has to follow."""

    parlour_export: int


class Last(msgspec.Struct):
    """`{"rows":{"accounts":1,"messages":2}}`: how many rows of each table there are before it."""

    rows: dict[str, int]


def first_line() -> bytes:
    return encode(First(VERSION)) + b"\n"


def last_line(rows: Mapping[str, int]) -> bytes:
    return encode(Last({table: count for table, count in rows.items() if count})) + b"\n"


class Ends:
    """Reads a file's first and last line; raises NotWhole, or BadText for one that cannot be read.

    A file without a first line was not exported, or by the first versions of Parlour: whether it is
    whole, nobody can tell. Several exports may follow each other in one file.
    """

    def __init__(self) -> None:
        self.was_exported = False
        self._is_open = False
        self._rows: Counter[str] = Counter()

    def take(self, line: bytes) -> bool:
        """Whether it is a first or a last line, and no row."""
        if line.startswith(FIRST):
            self.ensure_whole()
            self._begin(parse_json(decode_text(line), First).parlour_export)
            return True
        if line.startswith(LAST):
            self._end(parse_json(decode_text(line), Last).rows)
            return True
        return False

    def count(self, table: str) -> None:
        if self.was_exported and not self._is_open:
            raise NotWhole("it stands behind the last line of an export")
        self._rows[table] += 1

    def ensure_whole(self) -> None:
        """At the end of the file: whether there was a last line, if there has to be one."""
        if self._is_open:
            raise NotWhole("the file is not whole: the last line of the export is missing")

    def _begin(self, version: int) -> None:
        if version > VERSION:
            raise NotWhole("it was exported by a newer Parlour: use that one")
        self.was_exported = self._is_open = True
        self._rows.clear()

    def _end(self, rows: Mapping[str, int]) -> None:
        wrong = [table for table in {*rows, *self._rows} if rows.get(table, 0) != self._rows[table]]
        if wrong:
            table = min(wrong)
            expected, found = rows.get(table, 0), self._rows[table]
            raise NotWhole(f"the file is not whole: of {expected:,} rows of {table} it holds {found:,}")
        self._is_open = False
