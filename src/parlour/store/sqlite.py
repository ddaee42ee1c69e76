"""SQLite: one file, one writer, readers that never wait for it."""

import sqlite3
from pathlib import Path

BUSY_SECONDS = 5.0
CACHE_KIBIBYTES = 8_192
STATEMENTS_KEPT = 512

# FULL: a commit is on the disk before it returns. Deleted content is overwritten with zeros.
PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
    f"cache_size = -{CACHE_KIBIBYTES}",
)

UNAVAILABLE = (sqlite3.OperationalError,)
BEGIN_WRITE = "BEGIN IMMEDIATE"


class SQLite:
    """The embedded engine; `path` is the database file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def truncate_log(self) -> bool:
        """Empty the write-ahead log, which still holds what was deleted; False if somebody reads from it."""
        connection = self.connect()
        try:
            busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            connection.close()
        return not busy

    def connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_KEPT,
        )
        try:
            for pragma in (*PRAGMAS, f"query_only = {'ON' if read_only else 'OFF'}"):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.DatabaseError as error:
            # A file that is no database is unavailable too, though sqlite3 says it in another class.
            connection.close()
            raise sqlite3.OperationalError(str(error)) from None
        return connection
