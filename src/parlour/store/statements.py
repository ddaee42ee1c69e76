"""The SQL that every resource shares, built once for each shape."""

import functools
from collections.abc import Iterable

from parlour.wire.resource import Resource

Condition = tuple[str, str, int | str | None]

LOCK_CONVERSATION = "SELECT sid FROM conversations WHERE sid = ? FOR UPDATE"
ARRAYS: dict[frozenset[type], str] = {frozenset({int}): "bigint[]", frozenset({str}): "text[]"}


def quote(name: str) -> str:
    # `index` is a keyword in SQLite, so every generated name is quoted.
    return f'"{name}"'


def quoted(names: Iterable[str]) -> str:
    return ", ".join(map(quote, names))


def slots(count: int) -> str:
    return ", ".join("?" * count)


def matching(names: Iterable[str]) -> str:
    return " AND ".join(f"{quote(name)} = ?" for name in names)


@functools.cache
def select_one(kind: type[Resource], by: tuple[str, ...], *, locked: bool = False) -> str:
    lock = " FOR UPDATE" if locked else ""
    return f"SELECT {quoted(kind.__struct_fields__)} FROM {kind.table} WHERE {matching(by)}{lock}"


@functools.cache
def select_some(kind: type[Resource], *, locked: bool) -> str:
    """Rows by a list of SIDs; locked in their order, which all who lock share."""
    lock = " FOR UPDATE" if locked else ""
    columns = quoted(kind.__struct_fields__)
    return f"SELECT {columns} FROM {kind.table} WHERE sid = ANY(?) ORDER BY sid{lock}"


@functools.cache
def select_all(kind: type[Resource], by: tuple[str, ...]) -> str:
    return f"{select_one(kind, by)} ORDER BY {quote('sid')}"


@functools.cache
def insert_rows(kind: type[Resource], rows: int) -> str:
    columns = kind.__struct_fields__
    values = ", ".join([f"({slots(len(columns))})"] * rows)
    return f"INSERT INTO {kind.table} ({quoted(columns)}) VALUES {values}"


@functools.cache
def update_one(kind: type[Resource], columns: tuple[str, ...]) -> str:
    assignments = [f"{quote(column)} = ?" for column in columns]
    if kind.versioned:
        assignments.append("version = version + 1")
    return f"UPDATE {kind.table} SET {', '.join(assignments)} WHERE {matching(kind.key)}"


@functools.cache
def update_many(kind: type[Resource], columns: tuple[str, ...], types: tuple[str, ...]) -> str:
    """As `update_one` for many rows, of whose values there is an array for each column."""
    names = (*columns, *kind.key)
    assignments = [f"{quote(column)} = new.{quote(column)}" for column in columns]
    if kind.versioned:
        assignments.append("version = old.version + 1")
    arrays = ", ".join(f"?::{each}" for each in types)
    same = " AND ".join(f"old.{quote(name)} = new.{quote(name)}" for name in kind.key)
    source = f"unnest({arrays}) AS new ({quoted(names)})"
    return f"UPDATE {kind.table} AS old SET {', '.join(assignments)} FROM {source} WHERE {same}"


def array_of(values: Iterable[object]) -> str:
    """The type of an array of these values, or "" where they are of several kinds."""
    return ARRAYS.get(frozenset(map(type, values)), "")


@functools.cache
def delete_one(kind: type[Resource]) -> str:
    return f"DELETE FROM {kind.table} WHERE {matching(kind.key)}"


@functools.lru_cache(maxsize=512)
def select_page(
    kind: type[Resource],
    conditions: tuple[tuple[str, str], ...],
    by: tuple[str, ...],
    from_key: str,
    descending: bool,
    columns: tuple[str, ...],
) -> str:
    """Rows in order of `by`; `from_key` compares them with a key ("" for none); the limit is last."""
    where = [f"{quote(column)} {operator} ?" for column, operator in conditions]
    if from_key:
        where.append(f"({quoted(by)}) {from_key} ({slots(len(by))})")
    order = ", ".join(f"{quote(column)} {'DESC' if descending else 'ASC'}" for column in by)
    return f"SELECT {quoted(columns)} FROM {kind.table} WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ?"
