"""The header and the footer of an export, by which an import knows whether the file is complete."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from parlour.wire.texts import decode_text, parse_json

VERSION = 1
FIRST, LAST = b'{"parlour_export":', b'{"rows":'

encode = msgspec.json.Encoder().encode


class IncompleteExport(Exception):
    """An export has no footer, or other rows than its footer counts."""


class ExportHeader(msgspec.Struct):
    """The first line, `{"parlour_export":1}`: a footer has to follow."""

    parlour_export: int


class ExportFooter(msgspec.Struct):
    """The last line, `{"rows":{"accounts":1,"messages":2}}`: the number of rows of each table."""

    rows: dict[str, int]


def first_line() -> bytes:
    return encode(ExportHeader(VERSION)) + b"\n"


def last_line(rows: Mapping[str, int]) -> bytes:
    return encode(ExportFooter({table: count for table, count in rows.items() if count})) + b"\n"


class ExportFrame:
    """Checks the headers and footers of a file, in which several exports may follow each other.

    Raises IncompleteExport, or BadText for a header or footer that cannot be read. A file without a header is
    not an export, or one of the first versions of Parlour: whether it is complete cannot be told.
    """

    def __init__(self) -> None:
        self.was_exported = False
        self._is_open = False
        self._rows: Counter[str] = Counter()

    def take(self, line: bytes) -> bool:
        """Read a line if it is a header or a footer. Returns whether it was one."""
        if line.startswith(FIRST):
            self.ensure_whole()
            self._begin(parse_json(decode_text(line), ExportHeader).parlour_export)
            return True
        if line.startswith(LAST):
            self._end(parse_json(decode_text(line), ExportFooter).rows)
            return True
        return False

    def count(self, table: str) -> None:
        if self.was_exported and not self._is_open:
            raise IncompleteExport("it stands behind the last line of an export")
        self._rows[table] += 1

    def ensure_whole(self) -> None:
        """Raise IncompleteExport if a footer is missing. Called at the end of the file."""
        if self._is_open:
            raise IncompleteExport("the file is not whole: the last line of the export is missing")

    def _begin(self, version: int) -> None:
        if version > VERSION:
            raise IncompleteExport("it was exported by a newer Parlour: use that one")
        self.was_exported = self._is_open = True
        self._rows.clear()

    def _end(self, rows: Mapping[str, int]) -> None:
        wrong = [table for table in {*rows, *self._rows} if rows.get(table, 0) != self._rows[table]]
        if wrong:
            table = min(wrong)
            expected, found = rows.get(table, 0), self._rows[table]
            raise IncompleteExport(
                f"the file is not whole: of {expected:,} rows of {table} it holds {found:,}"
            )
        self._is_open = False
