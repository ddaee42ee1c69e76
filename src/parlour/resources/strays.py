"""Stray files, which have no row: the purge counts them, and only an operator's command removes them.

A row is committed before its first byte is stored and removed after its last byte. So a file without a row
belongs to another database, or to a newer state of this one, before a backup was restored.
"""

from collections.abc import AsyncIterator, Sequence
from functools import partial

from parlour.store import Database, Transaction
from parlour.store.blobs import LISTED_AT_ONCE, Blobs, StoredFile

FIND = "SELECT 1 FROM media WHERE sid = ?"
DAY_MILLISECONDS = 24 * 60 * 60 * 1_000


async def find_strays(database: Database, blobs: Blobs) -> AsyncIterator[list[StoredFile]]:
    """Return the files that have no row in the database, in lists."""
    async for files in blobs.files():
        yield database.run(partial(without_rows, files=files))


def without_rows(tx: Transaction, files: Sequence[StoredFile]) -> list[StoredFile]:
    # A name may occur twice, of a finished and an unfinished file: its row is searched once.
    known = {name for name in {file.name for file in files} if tx.select(FIND, name)}
    return [file for file in files if file.name not in known]


async def find_old_strays(database: Database, blobs: Blobs, grace_days: int) -> list[StoredFile]:
    """Return the files without a row that were stored more than `grace_days` ago.

    The grace period leaves time to notice that the wrong database was named, or a backup was restored.
    """
    before = database.clock() - grace_days * DAY_MILLISECONDS
    return [file async for found in find_strays(database, blobs) for file in found if file.modified <= before]


async def remove_strays(database: Database, blobs: Blobs, files: Sequence[StoredFile]) -> int:
    """Remove files that still have no row, finished or not; return how many."""
    removed = 0
    for start in range(0, len(files), LISTED_AT_ONCE):
        stray = database.run(partial(without_rows, files=files[start : start + LISTED_AT_ONCE]))
        await blobs.delete(dict.fromkeys(file.name for file in stray))
        removed += len(stray)
    return removed
