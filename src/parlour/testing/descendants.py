"""Ends the processes that a command has left behind, its grandchildren too."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
from pathlib import Path

# Of <linux/prctl.h>: processes whose parent has ended become children of this one, not of the first process.
PR_SET_CHILD_SUBREAPER = 36
LOOK_SECONDS = 0.02
# In about five seconds.
LOOKS_TO_END = 250
PROCESSES = Path("/proc")


def adopt_orphans() -> bool:
    """Let what the children of this process leave behind become its children. Works on Linux only."""
    if not sys.platform.startswith("linux"):
        return False
    failed: int = ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return not failed


def children() -> set[int]:
    """Return the ids of the children of this process, as far as the system shows them."""
    found = set()
    for path in PROCESSES.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name of a program, in parentheses, may hold blanks and parentheses itself.
            if int(path.read_text(errors="replace").rpartition(")")[2].split()[1]) == os.getpid():
                found.add(int(path.parent.name))
    return found


def end_descendants(kept: set[int]) -> None:
    """End all children but those in `kept`, and what they leave behind, at last by SIGKILL."""
    asked: set[int] = set()
    pause = threading.Event()
    for number in range(2 * LOOKS_TO_END):
        is_late = number > LOOKS_TO_END
        found = children() - kept
        if not found:
            return
        for pid in found if is_late else found - asked:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL if is_late else signal.SIGTERM)
        asked |= found
        for pid in found:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        pause.wait(LOOK_SECONDS)
