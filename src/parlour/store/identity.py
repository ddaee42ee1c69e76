"""The identity of a database: a SID, which backups and exports include."""

from parlour.store.transaction import Transaction

NAME = "database"
READ = "SELECT sid FROM identity WHERE name = ?"
WRITE = "INSERT INTO identity (name, sid) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"


def ensure_identity(tx: Transaction) -> str:
    """Return the database's SID, which is created if there is none yet."""
    tx.execute(WRITE, NAME, tx.new_sid("DB"))
    [(sid,)] = tx.select(READ, NAME)
    return str(sid)


def find_identity(tx: Transaction) -> str | None:
    """Return the database's SID, or None if no server was started with it yet."""
    return next((str(sid) for (sid,) in tx.select(READ, NAME)), None)
