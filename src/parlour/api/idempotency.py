"""`Idempotency-Key`: what is sent again with the same key is done once and answered as the first time."""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from parlour import errors
from parlour.store import Transaction

HEADER = "Idempotency-Key"
MAX_CHARACTERS = 255
KEPT_HOURS = 24
KEPT_MILLISECONDS = KEPT_HOURS * 60 * 60 * 1_000

FIND = """
    SELECT fingerprint, answer FROM idempotency_keys
    WHERE account_sid = ? AND idempotency_key = ? AND date_created > ?
"""
KEEP = "INSERT INTO idempotency_keys VALUES (?, ?, ?, ?, ?)"
# A key whose day is over is free again, whether or not the worker has removed it yet.
FREE = "DELETE FROM idempotency_keys WHERE account_sid = ? AND idempotency_key = ? AND date_created <= ?"
REMOVE_OLD = """DELETE FROM idempotency_keys WHERE (account_sid, idempotency_key) IN (
SELECT account_sid, idempotency_key FROM idempotency_keys WHERE date_created >= ? AND date_created < ?
ORDER BY date_created LIMIT ?) RETURNING date_created"""


class Key(NamedTuple):
    """A key of an account's, and what it was sent with."""

    account_sid: str
    key: str
    fingerprint: str

    def find(self, tx: Transaction) -> bytes | None:
        """The answer that was given before; 422/20422 if that was to other content."""
        rows = tx.select(FIND, self.account_sid, self.key, tx.now - KEPT_MILLISECONDS)
        for fingerprint, answer in rows:
            if fingerprint != self.fingerprint:
                raise errors.IDEMPOTENCY_KEY_REUSED()
            return str(answer).encode()
        return None

    def once(self, tx: Transaction, perform: Callable[[Transaction], bytes]) -> bytes:
        """The answer of `perform`, or the one that it gave before; refusals are not kept."""
        answer = self.find(tx)
        if answer is None:
            answer = perform(tx)
            tx.execute(FREE, self.account_sid, self.key, tx.now - KEPT_MILLISECONDS)
            tx.execute(KEEP, self.account_sid, self.key, self.fingerprint, answer.decode(), tx.now)
        return answer


def remove_old_answers(tx: Transaction, since: int, until: int, limit: int) -> list[int]:
    """Delete up to `limit` keys that were first sent in this time, the oldest first; return their moments."""
    return [moment for (moment,) in tx.execute(REMOVE_OLD, since, until, limit)]


def read_header(header: str | None) -> str | None:
    """The key that a request carries, if any; 400/20001 if it is too short or too long."""
    if header is not None and not 0 < len(header) <= MAX_CHARACTERS:
        raise errors.INVALID_REQUEST(reason=f"{HEADER} must have 1 to {MAX_CHARACTERS} characters")
    return header


def key_of(account_sid: str, key: str, content: list[Any]) -> Key:
    """The account's key, sent with this `content`: the path and what else makes two requests the same."""
    return Key(account_sid, key, hashlib.sha256(msgspec.json.encode(content)).hexdigest())


def is_used(tx: Transaction, account_sid: str, key: str) -> bool:
    """Whether the key was used within its day, with whatever content."""
    return bool(tx.select(FIND, account_sid, key, tx.now - KEPT_MILLISECONDS))
