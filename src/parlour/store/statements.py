"""The SQL statements that all resources share, each built once."""

import functools
from collections.abc import Iterable
from typing import Any

import msgspec

from parlour.wire.resource import Resource

Condition = tuple[str, str, int | str | None]

# The end of a SELECT: to read rows, to lock them, or to lock those that no other transaction has locked.
NO_LOCK, LOCK, LOCK_IF_FREE = "", " FOR UPDATE", " FOR UPDATE SKIP LOCKED"
LOCK_CONVERSATION = "SELECT sid FROM conversations WHERE sid = ? FOR UPDATE"
LOCK_CONVERSATIONS = "SELECT sid FROM conversations WHERE sid = ANY(?) ORDER BY sid FOR UPDATE"
# In this form, PostgreSQL expects that most rows meet the condition. Without statistics of an added column,
# it expects that one row in 200 meets `IS NULL`, and would read and sort a whole list for each page.
NO_TOMBSTONE = "COALESCE({}.date_deleted, 0) < 1"
OWNER_EXISTS = """(SELECT 1 FROM {owner} AS owner WHERE owner.sid = {column}
AND owner.date_deleted IS NULL) IS NOT NULL"""
# For callers that have only the SID of a conversation.
CONVERSATION_EXISTS = f"""SELECT 1 FROM conversations WHERE sid = ?
AND {NO_TOMBSTONE.format("conversations")}
AND {OWNER_EXISTS.format(owner="services", column="conversations.chat_service_sid")}"""


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
def not_deleted(kind: type[Resource]) -> str:
    """Return the further condition that neither a row nor its owners have a tombstone.

    Every SELECT of this file that finds rows has it, so handlers need not check tombstones.
    """
    conditions = [NO_TOMBSTONE.format(kind.table)] if kind.tombstone else []
    conditions += [
        OWNER_EXISTS.format(owner=owner, column=f"{kind.table}.{column}")
        for owner, column in kind.owners.items()
    ]
    return "".join(f" AND {condition}" for condition in conditions)


@functools.cache
def select_one(kind: type[Resource], by: tuple[str, ...], lock: str = NO_LOCK) -> str:
    columns = quoted(kind.__struct_fields__)
    return f"SELECT {columns} FROM {kind.table} WHERE {matching(by)}{not_deleted(kind)}{lock}"


@functools.cache
def select_some(kind: type[Resource], lock: str) -> str:
    """Select rows by a list of SIDs, in the order of SIDs, in which all transactions lock."""
    columns = quoted(kind.__struct_fields__)
    return f"SELECT {columns} FROM {kind.table} WHERE sid = ANY(?){not_deleted(kind)} ORDER BY sid{lock}"


@functools.cache
def select_many(kind: type[Resource], lock: str) -> str:
    """Select rows by a list of primary keys, which is one JSON text."""
    columns = ", ".join(f"old.{quote(name)}" for name in kind.__struct_fields__)
    of_old = lock.replace("FOR UPDATE", "FOR UPDATE OF old")
    return (
        f"SELECT {columns} FROM {kind.table} AS old, {rows_in_json(kind)} new WHERE {same_key(kind)}{of_old}"
    )


@functools.cache
def select_all(kind: type[Resource], by: tuple[str, ...]) -> str:
    return f"{select_one(kind, by)} ORDER BY {quote('sid')}"


@functools.cache
def insert_rows(kind: type[Resource], rows: int) -> str:
    columns = kind.__struct_fields__
    values = ", ".join([f"({slots(len(columns))})"] * rows)
    return f"INSERT INTO {kind.table} ({quoted(columns)}) VALUES {values}"


@functools.cache
def insert_many(kind: type[Resource]) -> str:
    """As `insert_rows`, for any number of rows in one JSON text, which is faster."""
    columns = quoted(kind.__struct_fields__)
    return f"INSERT INTO {kind.table} ({columns}) SELECT {columns} FROM {rows_in_json(kind)}"


@functools.cache
def update_one(kind: type[Resource], columns: tuple[str, ...]) -> str:
    assignments = [f"{quote(column)} = ?" for column in columns]
    if kind.versioned:
        assignments.append("version = version + 1")
    return f"UPDATE {kind.table} SET {', '.join(assignments)} WHERE {matching(kind.key)}"


@functools.cache
def update_many(kind: type[Resource], columns: tuple[str, ...]) -> str:
    """As `update_one`, for many rows, whose keys and new values are one JSON text."""
    assignments = [f"{quote(column)} = new.{quote(column)}" for column in columns]
    if kind.versioned:
        assignments.append("version = old.version + 1")
    what = f"UPDATE {kind.table} AS old SET {', '.join(assignments)}"
    return f"{what} FROM {rows_in_json(kind)} new WHERE {same_key(kind)}"


def same_key(kind: type[Resource]) -> str:
    return " AND ".join(f"old.{quote(name)} = new.{quote(name)}" for name in kind.key)


def rows_in_json(kind: type[Resource]) -> str:
    return f"json_populate_recordset(NULL::{kind.table}, ?::json)"


def in_json(names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> str:
    """Return the parameter of `rows_in_json`."""
    return msgspec.json.encode([dict(zip(names, row, strict=True)) for row in rows]).decode()


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
    """Select rows in the order of `by`.

    `from_key` is the operator that compares them with a key, "" for the first page. The limit is the last
    parameter.
    """
    where = [f"{quote(column)} {operator} ?" for column, operator in conditions]
    if from_key:
        where.append(f"({quoted(by)}) {from_key} ({slots(len(by))})")
    order = ", ".join(f"{quote(column)} {'DESC' if descending else 'ASC'}" for column in by)
    chosen = f"{' AND '.join(where)}{not_deleted(kind)}"
    return f"SELECT {quoted(columns)} FROM {kind.table} WHERE {chosen} ORDER BY {order} LIMIT ?"
