"""Which load generator is used."""

import shutil

from bench.client import load_with_python
from bench.errors import BenchError
from bench.load import Generator
from bench.wrk import load_with_wrk

GENERATORS = {"wrk": Generator("wrk", load_with_wrk), "python": Generator("python", load_with_python)}


def choose_generator(name: str | None) -> Generator:
    """The one that is named; or wrk where it is there, else ours."""
    there = shutil.which("wrk") is not None
    if name == "wrk" and not there:
        raise BenchError("wrk is not there")
    return GENERATORS[name or ("wrk" if there else "python")]
