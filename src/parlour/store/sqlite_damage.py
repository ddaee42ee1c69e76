"""A quick check of an SQLite file for damage, before a server is started with it."""

import sqlite3
import threading
from pathlib import Path

from parlour.store.statements import quote
from parlour.store.storage_errors import Damaged

DAMAGE_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# Checking all pages takes some 3 ms a megabyte. The check can be interrupted between tables, not within one,
# so the time for one table is bounded by its size only.
MAX_CHECKED_BYTES = 256 * 1_048_576
CHECK_SECONDS = 1.0
# The low byte of an extended error code is the primary code.
KIND_OF_CODE = 0xFF

# https://www.sqlite.org/fileformat.html#the_database_header
HEADER_BYTES = 100
MAGIC = b"SQLite format 3\0"

TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


def is_damage(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & KIND_OF_CODE in DAMAGE_CODES


def ensure_whole(path: Path) -> None:
    """Raise Damaged if the file is shorter than it says, a table cannot be read, or a page is broken.

    Of a file that is larger than MAX_CHECKED_BYTES, only the beginning of each table is read. A missing file
    passes, and an empty one, which SQLite creates.
    """
    if not path.is_file() or path.stat().st_size == 0:
        return
    ensure_length(path)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    timer = threading.Timer(CHECK_SECONDS, connection.interrupt)
    try:
        for (table,) in connection.execute(TABLES).fetchall():
            connection.execute(f"SELECT * FROM {quote(table)} LIMIT 1").fetchall()
        if path.stat().st_size > MAX_CHECKED_BYTES:
            return
        timer.start()
        ensure_pages_whole(connection, path)
    except sqlite3.DatabaseError as error:
        # Another error, or the end of the time: the start of the server will show whether the file works.
        if is_damage(error):
            raise Damaged(sentence(path, str(error))) from None
    finally:
        timer.cancel()
        # The timer must not interrupt a closed connection.
        if timer.is_alive():
            timer.join()
        connection.close()


def ensure_pages_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Check every page. Raises Damaged, with the name of `path`, if one is broken."""
    [(found,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
    if found != "ok":
        raise Damaged(sentence(path, found.splitlines()[-1]))


def ensure_length(path: Path) -> None:
    """Raise Damaged if the file has fewer pages than its header says, unless the log may hold the others."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size > 0:
        return
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if not header.startswith(MAGIC):
        return
    # The value 1 stands for 65,536, which two bytes cannot hold.
    page_bytes = int.from_bytes(header[16:18]) if header[16:18] != b"\0\1" else 65_536
    expected, size = page_bytes * int.from_bytes(header[28:32]), path.stat().st_size
    if size < expected:
        raise Damaged(sentence(path, f"it has {size:,} bytes of {expected:,}"))


def sentence(path: Path, found: str) -> str:
    return (
        f"the database {path} is damaged ({found}): put a backup in its place, or name another file with"
        " --database"
    )
