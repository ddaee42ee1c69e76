"""SQLite: one file, one writer, readers that never wait for it."""

import sqlite3
from pathlib import Path

BUSY_SECONDS = 5.0
CACHE_KIBIBYTES = 16_384
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

    def connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_KEPT,
        )
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        return connection
