"""The server looks after its worker: one that ends is started anew, however long the system refuses to."""

import os
import signal
import sys
import sysconfig
from pathlib import Path

import pytest

import parlour
from tests.servers import ServerProcess
from tests.store.test_many_processes import children_of
from tests.store.test_postgresql_away import wait_until


@pytest.fixture
def python(tmp_path):
    """An interpreter that can be taken away, and the environment that it needs."""
    python = tmp_path / "python"
    python.symlink_to(Path(sys.executable).resolve())
    paths = (sysconfig.get_path("purelib"), Path(parlour.__file__).parents[1])
    return python, {"PYTHONPATH": os.pathsep.join(map(str, paths))}


@pytest.mark.long
def test_a_worker_that_cannot_be_started_is_started_when_it_can_be(monkeypatch, tmp_path, launch, python):
    place, environment = python
    program = tmp_path / "parlour"
    program.write_text(f"#!{place}\nfrom parlour.cli import main\nmain()\n")
    program.chmod(0o755)
    monkeypatch.setattr(ServerProcess, "PROGRAM", program)
    server = launch(**environment)
    [worker] = children_of(server)["work"]
    target = place.readlink()
    place.unlink()
    os.kill(worker, signal.SIGKILL)
    log = tmp_path / "errors.log"
    wait_until(lambda: "child_not_started" in log.read_text())
    place.symlink_to(target)
    wait_until(lambda: children_of(server).get("work"))

    assert log.read_text().count("child_not_started") == 1
    assert server.stop() == 0
