"""A file that is written into a folder block by block and gets its name when it is complete."""

import hashlib
import os
import threading
from pathlib import Path

# How many bytes wait for the disk at most. Syncing a large file at its end only would delay commits as long.
SYNC_BYTES = 4 * 1_048_576


class FolderFile:
    """A file under way. Its methods block: call them in a thread. `discard` may be called in any thread.

    The blocks are written to `<path>#0`; `finish` syncs that file and renames it.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._staged = path, path.with_name(f"{path.name}#0")
        path.parent.mkdir(exist_ok=True)
        self._file = self._staged.open("wb", buffering=0)
        self._digest, self._unsynced, self._size = hashlib.sha256(), 0, 0
        # A caller that was cancelled may discard while a thread still writes.
        self._lock = threading.Lock()

    def write(self, block: bytes | bytearray) -> None:
        with self._lock:
            self._digest.update(block)
            rest = memoryview(block)
            while rest:
                rest = rest[self._file.write(rest) :]
            self._size += len(block)
            self._unsynced += len(block)
            if self._unsynced >= SYNC_BYTES:
                os.fdatasync(self._file.fileno())
                self._unsynced = 0

    def finish(self) -> tuple[int, str]:
        """Sync the file and its folders. Returns its size in bytes and its SHA-256 in hex."""
        with self._lock:
            os.fsync(self._file.fileno())
            self._file.close()
            self._staged.rename(self._path)
            for each in (self._path.parent, self._path.parent.parent):
                sync(each)
            return self._size, self._digest.hexdigest()

    def discard(self) -> None:
        """Remove what was written. Does nothing after `finish`."""
        with self._lock:
            self._file.close()
            self._staged.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
