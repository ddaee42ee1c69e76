"""`Idempotency-Key`: what is sent again with the same key is done once and answered as the first time."""

import hashlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from parlour import errors
from parlour.api.collection import Call
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
FORGET = "DELETE FROM idempotency_keys WHERE date_created <= ?"


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
            # A key whose day is over is free again.
            forget_old_answers(tx)
            tx.execute(KEEP, self.account_sid, self.key, self.fingerprint, answer.decode(), tx.now)
        return answer


def forget_old_answers(tx: Transaction) -> None:
    tx.execute(FORGET, tx.now - KEPT_MILLISECONDS)


def read_key(header: str | None, call: Call, form: Mapping[str, str | list[str]]) -> Key | None:
    if header is None:
        return None
    if not 0 < len(header) <= MAX_CHARACTERS:
        raise errors.INVALID_REQUEST(reason=f"{HEADER} must have 1 to {MAX_CHARACTERS} characters")
    content = msgspec.json.encode([call.resource_path, sorted(form.items())])
    return Key(call.account_sid, header, hashlib.sha256(content).hexdigest())
