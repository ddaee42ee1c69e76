"""Whether the storage works, as this process has seen it; each cause of an outage is logged once."""

import threading
from typing import Literal

import structlog

from parlour.store.storage_errors import Unavailable

Side = Literal["reads", "writes"]

# An outage that has more causes than these has been told often enough.
MAX_CAUSES = 20

log = structlog.get_logger()


class Health:
    """An engine has one, for all threads that read and write.

    Reads and writes fail apart: on a full disk, or on a standby, reads go on. Damage is not mended by
    what works elsewhere in the file, so it stays until the server is started again.
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
