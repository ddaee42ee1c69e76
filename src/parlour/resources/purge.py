"""The purge: removes the bytes and rows of media that were deleted, or were never sent with a message."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Self

import structlog

from parlour.errors import ApiError
from parlour.resources.default_roles import complete_services
from parlour.resources.strays import find_strays
from parlour.store import Database, Transaction
from parlour.store.blobs import Blobs
from parlour.store.duties import leave_duty, take_duty
from parlour.store.storage_errors import Unavailable

HOUR = 60 * 60 * 1_000
DAY = 24 * HOUR

ROWS_AT_ONCE = 500
DELETED_TOGETHER = 8
EVERY_SECONDS = 60.0
# One of several servers purges. If it dies, another takes over after this time, one on the same port at once.
LEASE_MILLISECONDS = 90_000
DUTY = "purge"
# The first purge of a process, and then one in so many, compares all stored files with the rows.
THOROUGH_EVERY = 1_440

# Media that are attached meanwhile stay: the condition is repeated, in a form for which no index is chosen.
EXPIRE = """UPDATE media SET date_deleted = ? WHERE sid IN (SELECT sid FROM media
WHERE message_sid IS NULL AND date_deleted IS NULL AND date_created <= ? LIMIT ?)
AND COALESCE(message_sid, '') = '' RETURNING 1"""
# Media that were never part of a message are due at once. Two statements, because each has an index.
DUE_UNSENT = "SELECT sid FROM media WHERE date_deleted IS NOT NULL AND message_sid IS NULL LIMIT ?"
DUE = "SELECT sid FROM media WHERE date_deleted <= ? LIMIT ?"

log = structlog.get_logger()


def always() -> bool:
    return True


@dataclass(frozen=True)
class RetentionPolicy:
    """The time that an upload may wait for its message, and that the bytes of deleted media are kept."""

    unattached_hours: int
    purge_days: int


class Purged(NamedTuple):
    """The numbers of media removed and of stray files seen, and whether the log was truncated."""

    media: int
    strays: int
    log_is_empty: bool


async def purge(
    database: Database,
    blobs: Blobs,
    policy: RetentionPolicy,
    *,
    thoroughly: bool,
    go_on: Callable[[], bool] = always,
) -> Purged:
    """Remove the media that are due. Their bytes are removed before their rows, so no bytes lack a row.

    `thoroughly` also lists all stored files and counts those that have no row in this database. They are not
    removed: they may belong to another database, or to a newer state of it before a backup was restored.
    The purge stops between two steps if `go_on` returns False.
    """
    removed, strays = 0, 0
    while go_on() and database.run(lambda tx: expire(tx, policy)) == ROWS_AT_ONCE:
        pass
    while go_on() and (due := database.run(lambda tx: find_due(tx, policy))):
        # A bucket answers after some milliseconds, so one at a time would be too slow for many.
        await asyncio.gather(
            *(blobs.delete(due[first::DELETED_TOGETHER]) for first in range(DELETED_TOGETHER))
        )
        database.run(partial(remove_rows, sids=due))
        removed += len(due)
    if thoroughly:
        async for found in find_strays(database, blobs):
            strays += len(found)
            if not go_on():
                break
    return Purged(removed, strays, await asyncio.to_thread(database.engine.truncate_log))


def expire(tx: Transaction, policy: RetentionPolicy) -> int:
    """Mark some uploads that waited too long for a message as deleted, and return how many."""
    return len(tx.execute(EXPIRE, tx.now, tx.now - policy.unattached_hours * HOUR, ROWS_AT_ONCE))


def find_due(tx: Transaction, policy: RetentionPolicy) -> list[str]:
    rows = tx.select(DUE_UNSENT, ROWS_AT_ONCE) or tx.select(
        DUE, tx.now - policy.purge_days * DAY, ROWS_AT_ONCE
    )
    return [sid for (sid,) in rows]


def remove_rows(tx: Transaction, sids: Iterable[str]) -> None:
    for sid in sids:
        tx.execute("DELETE FROM media WHERE sid = ?", sid)


class Purger:
    """A thread that purges every EVERY_SECONDS, if its process holds the duty."""

    def __init__(self, database: Database, blobs: Blobs, policy: RetentionPolicy, holder: str) -> None:
        self._database, self._blobs, self._policy, self._holder = database, blobs, policy, holder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="purger", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        with contextlib.suppress(Unavailable):
            self._database.run(partial(leave_duty, name=DUTY, holder=self._holder))

    def _run(self) -> None:
        count = 0
        while not self._stop.wait(EVERY_SECONDS if count else 0):
            self._purge(thoroughly=count % THOROUGH_EVERY == 0)
            count += 1

    def _has_duty(self) -> bool:
        work = partial(take_duty, name=DUTY, holder=self._holder, milliseconds=LEASE_MILLISECONDS)
        return self._database.run(work)

    def _purge(self, *, thoroughly: bool) -> None:
        work = (self._database, self._blobs, self._policy)
        try:
            if not self._has_duty():
                return
            # A program of the version before beside this one, or an import, may have added some.
            self._database.run(complete_services)
            done = asyncio.run(purge(*work, thoroughly=thoroughly, go_on=self._has_duty))
        except (Unavailable, ApiError) as error:
            log.warning("purge_failed", error=str(error))
        except Exception:
            log.exception("purge_failed")
        else:
            if done.media:
                log.info("purged", media=done.media)
            if done.strays:
                log.warning("media_without_rows", files=done.strays, see="parlour purge --strays")
