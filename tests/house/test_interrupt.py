"""Ctrl-C during the tests: nothing that they have started goes on."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from tests.documents import ROOT
from tests.files import wait_until
from tests.servers import ENDS_WITH_US, TIMEOUT_SECONDS

WAITING = """
import time

def test_it_waits(launch):
    launch()
    time.sleep(600)
"""


def processes_with(mark):
    """The ids of all processes whose environment holds the text."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


@pytest.mark.long
@pytest.mark.skipif(not ENDS_WITH_US, reason="setpriv is not installed")
def test_what_tests_have_started_ends_with_them():
    mark = uuid.uuid4().hex
    file = ROOT / "tests" / f"test_waiting_{mark}.py"
    file.write_text(f'"""Waits beside a server."""\n{WAITING}')
    try:
        tests = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-n2", "-q", file],
            cwd=ROOT,
            env={**os.environ, "MARK_OF_THESE_TESTS": mark},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # pytest, its two workers, the server and the server's worker.
        wait_until(lambda: len(processes_with(mark)) >= 5 or tests.poll() is not None)
        assert tests.poll() is None
        time.sleep(1)
        os.killpg(tests.pid, signal.SIGINT)
        tests.wait(TIMEOUT_SECONDS)
        wait_until(lambda: processes_with(mark) == [])
    finally:
        file.unlink()
        for left in processes_with(mark):
            os.kill(left, signal.SIGKILL)
