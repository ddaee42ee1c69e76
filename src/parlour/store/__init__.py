"""Storage: a transaction is a plain function, committed together with its neighbours."""

from parlour.store.database import Database
from parlour.store.transaction import LockKey, OutOfScope, Transaction

__all__ = ["Database", "LockKey", "OutOfScope", "Transaction"]
