"""Deletions: the rows of what was deleted are removed in small steps, each a transaction of its own.

A DELETE request takes the first step itself. If rows are left, the deleted row gets a tombstone,
`date_deleted`, which hides it and all rows that it owns from every handler, and `remove_some` takes the
following steps. The row with the tombstone is removed last, so after a crash the next step finds it.
"""

from typing import Any, NamedTuple, Protocol

from parlour.store import Transaction
from parlour.store.statements import NO_TOMBSTONE, quoted, slots
from parlour.wire.resource import Resource

# How many rows one step removes at most.
STEP_ROWS = 250
# An empty conversation counts as this many rows in a step, because of the statements that it takes.
ROWS_OF_AN_EMPTY_CONVERSATION = 10
CONVERSATIONS_AT_ONCE = 50

Key = tuple[Any, ...]
# Values that sort before every key, by the type of the column.
BEFORE_TEXT, BEFORE_NUMBER = "", -(2**63)


class Part(NamedTuple):
    """The rows of a table whose column `owner` names the owner; they are removed in the order of `key`.

    `before` sorts before every key, `only` is a further condition in SQL. Rows of media are marked as
    deleted, and the purge removes them with their bytes; all other rows are deleted.
    """

    table: str
    owner: str
    key: tuple[str, ...]
    before: Key
    only: str = ""

    @property
    def find(self) -> str:
        key = quoted(self.key)
        where = f'"{self.owner}" = ? AND ({key}) > ({slots(len(self.key))}){self.only}'
        return f"SELECT {key} FROM {self.table} WHERE {where} ORDER BY {key} LIMIT ?"

    @property
    def remove(self) -> str:
        key, places = quoted(self.key), slots(len(self.key))
        act = "UPDATE media SET date_deleted = ?" if self.marks else f"DELETE FROM {self.table}"
        only = " AND date_deleted IS NULL" if self.marks else self.only
        return f'{act} WHERE "{self.owner}" = ? AND ({key}) > ({places}) AND ({key}) <= ({places}){only}'

    @property
    def marks(self) -> bool:
        return self.table == "media"


def by_sid(table: str, owner: str = "conversation_sid", only: str = "") -> Part:
    return Part(table, owner, ("sid",), (BEFORE_TEXT,), only)


# Children before their parents, so that no row takes others with it.
PARTS_OF_CONVERSATION = (
    Part("media", "channel_sid", ("message_sid",), (BEFORE_TEXT,)),
    by_sid("expected_reports"),
    by_sid("delivery_receipts"),
    by_sid("channel_metadata"),
    Part("messages", "conversation_sid", ("index",), (BEFORE_NUMBER,)),
    by_sid("participants"),
    by_sid("conversation_webhooks"),
    # A lane with deliveries is removed when they are settled.
    by_sid("webhook_lanes", only=" AND due_at IS NULL"),
)
PARTS_OF_SERVICE = (by_sid("media", "service_sid"), by_sid("roles", "chat_service_sid"))
DATED = (("date_created", "sid"), (BEFORE_NUMBER, BEFORE_TEXT))
PARTS_OF_ACCOUNT = (
    Part("webhook_deliveries", "account_sid", *DATED),
    Part("contents", "account_sid", *DATED),
    Part("idempotency_keys", "account_sid", ("idempotency_key",), (BEFORE_TEXT,)),
)

RELEASE_ADDRESSES = "DELETE FROM address_holders WHERE account_sid = ? AND conversation_sid = ?"
RELEASE_NAME = "DELETE FROM conversation_names WHERE chat_service_sid = ? AND unique_name = ?"
REVOKE_KEYS = "DELETE FROM api_keys WHERE account_sid = ?"
HIDE_SERVICES = "UPDATE services SET date_deleted = ? WHERE account_sid = ? AND date_deleted IS NULL"
HIDE_CONVERSATION = """UPDATE conversations SET date_deleted = ?, state = 'closed', unique_name = NULL,
version = version + 1 WHERE sid = ?"""
CONVERSATIONS_OF_SERVICE = f"""SELECT date_created, sid, account_sid, unique_name FROM conversations
WHERE "chat_service_sid" = ? AND {NO_TOMBSTONE.format("conversations")} AND (date_created, sid) > (?, ?)
ORDER BY date_created, sid LIMIT ?"""
HAS_CONVERSATIONS = 'SELECT sid FROM conversations WHERE "chat_service_sid" = ? LIMIT 1'
HAS_SERVICES = "SELECT 1 FROM services WHERE account_sid = ? LIMIT 1"


class Position(NamedTuple):
    """The progress of a removal: the index of the part, and the last key that was removed.

    Each step continues there, at a constant cost. If each step started at the beginning, PostgreSQL would
    read all removed rows that are not vacuumed yet.
    """

    part: int = 0
    after: Key | None = None


START = Position()


class Step(NamedTuple):
    """The row that a step was about, and where the next step begins; None if the row was removed."""

    table: str
    sid: str
    at: Position | None


class ClearedParts(NamedTuple):
    """The position after a step, None if all parts were removed; and how many rows it may still remove."""

    at: Position | None
    rows: int


def remove_parts(
    tx: Transaction, parts: tuple[Part, ...], owner: str, at: Position, rows: int
) -> ClearedParts:
    """Remove up to `rows` rows of the parts, beginning at `at`."""
    while rows > 0 and at.part < len(parts):
        part = parts[at.part]
        after = part.before if at.after is None else at.after
        keys = tx.select(part.find, owner, *after, rows)
        if keys:
            first = (tx.now,) if part.marks else ()
            tx.execute(part.remove, *first, owner, *after, *keys[-1])
        at = Position(at.part, keys[-1]) if len(keys) == rows else Position(at.part + 1)
        rows -= len(keys)
    return ClearedParts(at if at.part < len(parts) else None, rows)


def clear_conversation(tx: Transaction, sid: str, at: Position, rows: int) -> Position | None:
    return remove_parts(tx, PARTS_OF_CONVERSATION, sid, at, rows).at


def clear_service(tx: Transaction, sid: str, at: Position, rows: int) -> Position | None:
    """Remove conversations first: small ones at once, the others get tombstones of their own."""
    if at.part == 0:
        left = clear_conversations(tx, sid, at, rows)
        if left.at is not None:
            return left.at
        at, rows = Position(1), left.rows
    rest = remove_parts(tx, PARTS_OF_SERVICE, sid, at._replace(part=at.part - 1), rows).at
    if rest is not None:
        return rest._replace(part=rest.part + 1)
    # A conversation that was created while the tombstone was set may sort before those that were removed.
    return START if tx.select(HAS_CONVERSATIONS, sid) else None


def clear_conversations(tx: Transaction, service_sid: str, at: Position, rows: int) -> ClearedParts:
    after = at.after or (BEFORE_NUMBER, BEFORE_TEXT)
    while rows > 0:
        found = tx.select(CONVERSATIONS_OF_SERVICE, service_sid, *after, CONVERSATIONS_AT_ONCE)
        for date_created, sid, account_sid, unique_name in found:
            if rows <= 0:
                break
            after = (date_created, sid)
            left = remove_parts(tx, PARTS_OF_CONVERSATION, sid, START, rows)
            rows = left.rows - ROWS_OF_AN_EMPTY_CONVERSATION
            tx.execute(RELEASE_ADDRESSES, account_sid, sid)
            tx.execute(RELEASE_NAME, service_sid, unique_name or "")
            if left.at is None:
                tx.execute("DELETE FROM conversations WHERE sid = ?", sid)
            else:
                tx.execute(HIDE_CONVERSATION, tx.now, sid)
        else:
            if len(found) < CONVERSATIONS_AT_ONCE:
                return ClearedParts(None, max(rows, 0))
    return ClearedParts(Position(0, after), 0)


def clear_account(tx: Transaction, sid: str, at: Position, rows: int) -> Position | None:
    """Remove what else the account owns once its services were removed."""
    if tx.select(HAS_SERVICES, sid):
        hide_services(tx, sid)
        return START
    return remove_parts(tx, PARTS_OF_ACCOUNT, sid, at, rows).at


def hide_services(tx: Transaction, account_sid: str) -> None:
    tx.execute(HIDE_SERVICES, tx.now, account_sid)


class ClearStep(Protocol):
    """Takes a step from a position. Returns the position after it, or None if nothing is left."""

    def __call__(self, tx: Transaction, sid: str, at: Position, rows: int, /) -> Position | None: ...


# The order matters: conversations of a service get tombstones of their own and are removed before it.
CLEAR: dict[str, ClearStep] = {
    "conversations": clear_conversation,
    "services": clear_service,
    "accounts": clear_account,
}
FIRST_DELETED = {
    table: f"SELECT sid FROM {table} WHERE date_deleted IS NOT NULL ORDER BY date_deleted, sid LIMIT 1"
    for table in CLEAR
}


def delete_in_steps(tx: Transaction, resource: Resource, **tombstone: Any) -> None:
    """Delete a row and all that it owns, if one step is enough; else set a tombstone, with these changes."""
    if CLEAR[resource.table](tx, resource.sid, START, STEP_ROWS) is None:
        tx.delete(resource)
    else:
        tx.mark_deleted(resource, **tombstone)


def find_deleted(tx: Transaction) -> tuple[str, str] | None:
    """Return the table and the SID of the next row with a tombstone; None if there is none."""
    for table, first in FIRST_DELETED.items():
        for (sid,) in tx.select(first):
            return table, sid
    return None


def remove_some(tx: Transaction, last: Step | None, rows: int) -> Step | None:
    """Take the step after `last`, of up to `rows` rows. Returns None if nothing is left to remove."""
    found = find_deleted(tx)
    if found is None:
        return None
    table, sid = found
    at = START if last is None or last[:2] != found or last.at is None else last.at
    following = CLEAR[table](tx, sid, at, rows)
    if following is None:
        tx.execute(f"DELETE FROM {table} WHERE sid = ? AND date_deleted IS NOT NULL", sid)
    tx.discard()
    return Step(table, sid, following)
