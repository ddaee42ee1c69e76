"""Export and import: all rows as JSON Lines, from one storage to another, or from another system.

A line is `{"table": "messages", "row": {"sid": "IM…", …}}`, with the columns of the table; parents come
before their children. Moments are milliseconds since 1970, or ISO 8601. Missing columns get the values of a
new row. An export also has a header and a footer.
"""

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from parlour.errors import UserError
from parlour.store.dump import tables
from parlour.store.engine import Engine
from parlour.store.export_frame import ExportFrame, IncompleteExport, first_line, last_line
from parlour.store.row_texts import RowTexts
from parlour.store.session import Session, columns_of
from parlour.store.statements import quote, quoted, slots
from parlour.store.tombstones import Tombstones
from parlour.wire.field_types import read_moment
from parlour.wire.resource import Resource
from parlour.wire.texts import BadText, decode_text, parse_json, shortened

ROWS_TOGETHER = 1_000
ROWS_IN_ONE = 100
# The answers to idempotent requests belong to the old server.
LEFT_OUT = frozenset({"idempotency_keys"})
# Columns that name the present holder of a row, with the values that they are imported with.
RESET_COLUMNS = {"webhook_lanes": {"leased_until": 0}}
MOMENT = re.compile(r"date_\w+|due_at|last_read_timestamp")

# A conversation's counters are computed from its rows; those of its own line are ignored.
COUNTERS = """
UPDATE conversations SET version = version + 1,
next_message_index = (SELECT CASE WHEN COALESCE(MAX("index"), -1) < conversations.next_message_index
    THEN conversations.next_message_index ELSE MAX("index") + 1 END
    FROM messages WHERE conversation_sid = conversations.sid),
participant_count = (SELECT COUNT(*) FROM participants WHERE conversation_sid = conversations.sid),
binding_count = (SELECT COUNT(*) FROM participants WHERE conversation_sid = conversations.sid
    AND (address IS NOT NULL OR projected_address IS NOT NULL))
WHERE sid = ?"""

# The columns of a conversation's name, for which other systems export no line.
NAME_COLUMNS = ("chat_service_sid", "unique_name", "sid")


class Line(msgspec.Struct):
    table: str
    row: dict[str, Any]


class BadLine(UserError):
    """A line that is not a valid row; `number` counts from 1."""

    def __init__(self, number: int, reason: object) -> None:
        super().__init__(f"line {number}: {reason}")


encode = msgspec.json.Encoder().encode


def exported_tables() -> list[str]:
    return [table for table in tables() if table not in LEFT_OUT]


def export_lines(engine: Engine) -> Iterator[tuple[bytes, int]]:
    """Yield the lines of one snapshot, each with the total number of rows.

    Rows that were deleted and are not removed yet are included in that number, but have no line.
    """
    session = engine.open_snapshot()
    try:
        session.begin()
        total = sum(
            session.execute(f"SELECT COUNT(*) FROM {quote(table)}").fetchone()[0]
            for table in exported_tables()
        )
        yield first_line(), total
        # Deleted rows are neither written nor counted in the footer.
        counts, tombstones = Counter[str](), Tombstones(session)
        for table in exported_tables():
            names = columns_of(session, table)
            filtered = tombstones.filter_for(table, names)
            for row in filter(
                None, map(filtered, session.stream(f"SELECT {quoted(names)} FROM {quote(table)}"))
            ):
                counts[table] += 1
                yield encode({"table": table, "row": dict(zip(names, row, strict=True))}) + b"\n", total
        yield last_line(counts), total
    except engine.faults as error:
        raise engine.as_unavailable(error) or error from None
    finally:
        session.roll_back()
        session.close()


def import_lines(
    engine: Engine, lines: Iterable[bytes], texts: RowTexts, frame: ExportFrame
) -> Iterator[tuple[int, int]]:
    """Import rows, a thousand in a transaction. Yields the numbers of rows read and added after each.

    A row whose key exists is left unchanged, so an import can be repeated, after an interruption for
    instance. Raises BadLine, after the lines before it were imported, also if `frame` finds that the file is
    incomplete. `texts` checks the rows' texts.
    """
    session = engine.open()
    read = added = first = 0
    columns: dict[str, list[str]] = {}
    try:
        for batch in batches(lines, frame):
            first = batch[0][0]
            session.begin()
            rows = [row for number, line in batch for row in read_rows(session, columns, texts, number, line)]
            for (table, names, has_line), alike in groupby(rows, shape_of):
                count = put(session, table, names, list(alike))
                added += count if has_line else 0
            for sid in sorted(conversations_in(batch)):
                session.execute(COUNTERS, (sid,))
            session.commit()
            read += len(batch)
            yield read, added
    except engine.faults as error:
        if (unavailable := engine.as_unavailable(error)) is not None:
            raise unavailable from None
        reason = f"it, or one of the {ROWS_TOGETHER} from it on, is refused: {engine.redacted(error)}"
        raise BadLine(first, reason) from None
    finally:
        session.roll_back()
        session.close()


def conversations_in(batch: Iterable[tuple[int, Line]]) -> set[str]:
    sids = (line.row.get("sid" if line.table == "conversations" else "conversation_sid") for _, line in batch)
    return {sid for sid in sids if isinstance(sid, str)}


def batches(lines: Iterable[bytes], frame: ExportFrame) -> Iterator[list[tuple[int, Line]]]:
    batch = []
    number = 0
    try:
        for number, raw in enumerate(lines, 1):
            if not raw.strip() or frame.take(raw):
                continue
            line: Line = parse_json(decode_text(raw), Line)
            frame.count(line.table)
            batch.append((number, line))
            if len(batch) == ROWS_TOGETHER:
                yield batch
                batch = []
        if number == 0:
            raise IncompleteExport("the file is empty: an export has a first and a last line")  # noqa: TRY301 - as others
        frame.ensure_whole()
    except (BadText, IncompleteExport) as error:
        if batch:
            yield batch
        raise BadLine(number, error) from None
    if batch:
        yield batch


class Row(NamedTuple):
    table: str
    names: tuple[str, ...]
    values: tuple[Any, ...]
    has_line: bool = True


def shape_of(row: Row) -> tuple[str, tuple[str, ...], bool]:
    return row.table, row.names, row.has_line


def put(session: Session, table: str, names: tuple[str, ...], rows: list[Row]) -> int:
    """Insert consecutive rows with the same columns, without those that exist. Returns how many."""
    added = 0
    for start in range(0, len(rows), ROWS_IN_ONE):
        some = rows[start : start + ROWS_IN_ONE]
        places = ", ".join([f"({slots(len(names))})"] * len(some))
        insert = f"INSERT INTO {quote(table)} ({quoted(names)}) VALUES {places}"
        values = [value for row in some for value in row.values]
        added += len(session.execute(f"{insert} ON CONFLICT DO NOTHING RETURNING 1", values).fetchall())
    return added


def read_rows(
    session: Session, columns: dict[str, list[str]], texts: RowTexts, number: int, line: Line
) -> Iterator[Row]:
    """Yield the row of a line, with default values, and after a conversation the row of its name."""
    table = line.table
    if table not in columns:
        if table not in exported_tables():
            raise BadLine(number, f"there is no table {table}")
        columns[table] = columns_of(session, table)
    row = defaults_of(table) | line.row | RESET_COLUMNS.get(table, {})
    unknown = set(row).difference(columns[table])
    if unknown:
        raise BadLine(number, f"{table} have no column {min(unknown)}")
    try:
        values = {name: read_value(name, texts.checked(table, name, value)) for name, value in row.items()}
    except ValueError as error:
        raise BadLine(number, f"{table} {shortened(str(row.get('sid', '')))}: {error}") from None
    yield Row(table, tuple(values), tuple(values.values()))
    if table == "conversations" and values.get("unique_name") is not None:
        yield Row(
            "conversation_names",
            NAME_COLUMNS,
            tuple(values.get(name) for name in NAME_COLUMNS),
            has_line=False,
        )


@functools.cache
def defaults_of(table: str) -> dict[str, Any]:
    """Return the default values of a table's columns, those of the resource's fields."""
    kind = next((each for each in subclasses_of(Resource) if each.table == table), None)
    if kind is None:
        return {}
    fields = msgspec.structs.fields(kind)
    return {each.encode_name: each.default for each in fields if each.default is not msgspec.NODEFAULT}


def subclasses_of(kind: type[Resource]) -> Iterator[type[Resource]]:
    for each in kind.__subclasses__():
        yield each
        yield from subclasses_of(each)


def read_date(name: str, value: str) -> int:
    try:
        return read_moment(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{name} must be milliseconds since 1970, or an ISO 8601 date and time") from None


def read_value(name: str, value: Any) -> Any:
    if isinstance(value, str) and MOMENT.fullmatch(name):
        return read_date(name, value)
    if value is None or isinstance(value, str | int):
        return value
    raise ValueError(f"{name} must be a text, a whole number or null")
