"""Chooses the load generator: wrk, or the one of this package."""

import shutil

from bench.client import load_with_python
from bench.errors import BenchError
from bench.load import LoadGenerator
from bench.wrk import load_with_wrk

GENERATORS = {"wrk": LoadGenerator("wrk", load_with_wrk), "python": LoadGenerator("python", load_with_python)}


def choose_generator(name: str | None) -> LoadGenerator:
    """Return the load generator of this name; without a name, wrk if it is installed."""
    is_installed = shutil.which("wrk") is not None
    if name == "wrk" and not is_installed:
        raise BenchError("wrk is not installed")
    return GENERATORS[name or ("wrk" if is_installed else "python")]
