"""Environments for installed packages: made without a network, from what the tests' own environment has."""

import os
import re
import subprocess
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from tests.documents import read

# The sources are importable in the environment that runs the tests only.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))
}


def run(*words, folder):
    ended = subprocess.run(
        words, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def link_dependencies(site_packages, leave_out):
    """Link the locked dependencies of a run, and nothing else that the tests use, into an environment.

    Those whose names begin with one of `leave_out` are not among them.
    """
    for name in re.findall(r"^([\w.-]+)==", read("requirements/run.txt"), re.MULTILINE):
        if name.startswith(leave_out):
            continue
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue  # It is for another system.
        for part in {Path(file).parts[0] for file in found.files if ".." not in Path(file).parts}:
            link = site_packages / part
            if not link.exists():
                link.symlink_to(found.locate_file(part))
