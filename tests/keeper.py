"""Waits for a run of the tests to end, then stops its PostgreSQL server and removes its folder."""

import contextlib
import shutil
import signal
import sys
from pathlib import Path

import psutil

STOP_SECONDS = 10


def keep(process_id, folder):
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(process_id).wait()
    with contextlib.suppress(OSError, psutil.Error):
        postmaster = psutil.Process(int((folder / "data/postmaster.pid").read_text().split()[0]))
        # At once: nothing in it is wanted any more.
        postmaster.send_signal(signal.SIGQUIT)
        postmaster.wait(STOP_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    keep(int(sys.argv[1]), Path(sys.argv[2]))
