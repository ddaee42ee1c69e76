"""`Idempotency-Key`: a request that is sent again with the same key is performed once.

The repeated request gets the first answer.
"""

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
# An expired key can be used again, even if the worker has not removed it yet.
REMOVE_EXPIRED = (
    "DELETE FROM idempotency_keys WHERE account_sid = ? AND idempotency_key = ? AND date_created <= ?"
)
REMOVE_OLD = """DELETE FROM idempotency_keys WHERE (account_sid, idempotency_key) IN (
SELECT account_sid, idempotency_key FROM idempotency_keys WHERE date_created >= ? AND date_created < ?
ORDER BY date_created LIMIT ?) RETURNING date_created"""


class IdempotencyKey(NamedTuple):
    """An account's key, and the fingerprint of the request that it was sent with; `name` is for errors."""

    account_sid: str
    key: str
    fingerprint: str
    name: str = HEADER

    def find(self, tx: Transaction) -> bytes | None:
        """Return the stored answer, or None. Raises 422/20422 if it was the answer to other content."""
        rows = tx.select(FIND, self.account_sid, self.key, tx.now - KEPT_MILLISECONDS)
        for fingerprint, answer in rows:
            if fingerprint != self.fingerprint:
                raise errors.IDEMPOTENCY_KEY_REUSED(name=self.name)
            return str(answer).encode()
        return None

    def perform_once(self, tx: Transaction, perform: Callable[[Transaction], bytes]) -> bytes:
        """Return the stored answer, or perform the request and store its answer. Errors are not stored."""
        answer = self.find(tx)
        if answer is None:
            answer = perform(tx)
            tx.execute(REMOVE_EXPIRED, self.account_sid, self.key, tx.now - KEPT_MILLISECONDS)
            tx.execute(KEEP, self.account_sid, self.key, self.fingerprint, answer.decode(), tx.now)
        return answer


def remove_old_answers(tx: Transaction, since: int, until: int, limit: int) -> list[int]:
    """Delete up to `limit` keys that were stored from `since` and before `until`, the oldest first.

    Both are in milliseconds since 1970. Returns the moments at which the keys were stored.
    """
    return [moment for (moment,) in tx.execute(REMOVE_OLD, since, until, limit)]


def read_header(header: str | None) -> str | None:
    """Return the key of a request, or None. Raises 400/20001 if it is empty or too long."""
    if header is not None and not 0 < len(header) <= MAX_CHARACTERS:
        raise errors.INVALID_REQUEST(reason=f"{HEADER} must have 1 to {MAX_CHARACTERS} characters")
    return header


def key_of(account_sid: str, key: str, content: list[Any], name: str = HEADER) -> IdempotencyKey:
    """Return the account's key for a request; `content` is what makes two requests the same."""
    return IdempotencyKey(account_sid, key, hashlib.sha256(msgspec.json.encode(content)).hexdigest(), name)


def is_used(tx: Transaction, account_sid: str, key: str) -> bool:
    """Whether the key is in use, with the same or other content."""
    return bool(tx.select(FIND, account_sid, key, tx.now - KEPT_MILLISECONDS))
