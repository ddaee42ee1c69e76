"""Duties: work that one process at a time does for all processes on a storage, assigned by leases."""

from parlour.store.transaction import Transaction

TAKE = """INSERT INTO duties (name, holder, leased_until) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, leased_until = excluded.leased_until
WHERE duties.leased_until <= ? OR duties.holder = excluded.holder RETURNING 1"""


def take_duty(tx: Transaction, name: str, holder: str, milliseconds: int) -> bool:
    """Take or renew the lease of a duty. Returns False if another process holds it."""
    return bool(tx.execute(TAKE, name, holder, tx.now + milliseconds, tx.now))


def leave_duty(tx: Transaction, name: str, holder: str) -> None:
    tx.execute("DELETE FROM duties WHERE name = ? AND holder = ?", name, holder)
