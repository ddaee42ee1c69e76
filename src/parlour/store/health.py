"""The health of the storage, as this process has seen it. Each cause of an outage is logged once."""

import threading
from typing import Literal

import structlog

from parlour.store.storage_errors import Unavailable

Side = Literal["reads", "writes"]

# How many causes of one outage are logged.
MAX_CAUSES = 20

log = structlog.get_logger()


class StorageHealth:
    """The health of one engine, for all threads that read and write.

    Reads and writes fail separately: on a full disk or a standby, reads work. Damage stays recorded until the
    server is restarted, because reads of other parts of the file may still succeed.
    """

    def __init__(self) -> None:
        self._causes: dict[Side, set[str]] = {"reads": set(), "writes": set()}
        self._damages: set[str] = set()
        self._lock = threading.Lock()

    @property
    def is_damaged(self) -> bool:
        return bool(self._damages)

    def is_failing(self, side: Side) -> bool:
        """Whether the last of the reads or writes failed because of the storage."""
        return bool(self._causes[side])

    def failed(self, side: Side, error: Unavailable) -> None:
        cause = str(error)
        with self._lock:
            known = self._damages if error.damaged else self._causes[side]
            is_new = cause not in known and len(known) < MAX_CAUSES
            if is_new:
                known.add(cause)
        if is_new and error.damaged:
            log.error("storage_damaged", side=side, error=cause)
        elif is_new:
            log.error("storage_unavailable", side=side, error=cause)

    def worked(self, side: Side) -> None:
        if not self._causes[side]:
            return
        with self._lock:
            self._causes[side].clear()
        log.info("storage_available", side=side)
