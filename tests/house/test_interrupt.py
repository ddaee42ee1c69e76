"""Ctrl-C during the tests: nothing that they have started goes on."""

import contextlib
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests.documents import ROOT
from tests.files import wait_until
from tests.servers import ENDS_WITH_US, TIMEOUT_SECONDS

WAITING = """
import os
import time
from pathlib import Path

def test_it_waits(launch):
    launch()
    Path(os.environ["LAUNCHED"]).touch()
    time.sleep(600)
"""
# Where the tests run in the background of a shell, SIGINT is ignored, and this is inherited.
INTERRUPTIBLE = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main(sys.argv[1:]))
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
def test_what_tests_have_started_ends_with_them(tmp_path):
    mark, launched = uuid.uuid4().hex, tmp_path / "launched"
    file = ROOT / "tests" / f"test_waiting_{mark}.py"
    file.write_text(f'"""Waits beside a server."""\n{WAITING}')
    try:
        tests = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTIBLE, "-n2", "-q", file],
            cwd=ROOT,
            env={**os.environ, "MARK_OF_THESE_TESTS": mark, "LAUNCHED": str(launched)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_until(lambda: launched.exists() or tests.poll() is not None)
        assert tests.poll() is None
        # pytest, its two workers, the server and the server's worker.
        assert len(processes_with(mark)) >= 5
        os.killpg(tests.pid, signal.SIGINT)
        tests.wait(TIMEOUT_SECONDS)
        wait_until(lambda: processes_with(mark) == [])
    finally:
        file.unlink()
        for left in processes_with(mark):
            os.kill(left, signal.SIGKILL)
