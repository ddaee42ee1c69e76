"""Storage. A transaction is a plain function; those that wait at the same time are committed together."""

from parlour.store.database import Database
from parlour.store.transaction import LockKey, OutOfScope, Transaction

__all__ = ["Database", "LockKey", "OutOfScope", "Transaction"]
