"""Storage: a transaction is a plain function, committed together with its neighbours."""

from parlour.store.database import Database
from parlour.store.transaction import About, OutOfScope, Transaction

__all__ = ["About", "Database", "OutOfScope", "Transaction"]
