"""Loads and their results."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.errors import BenchError
from bench.operations import Request


@dataclass(frozen=True)
class Pace:
    """Each load lasts `seconds`. Servers that are compared get it `rounds` times, one after the other."""

    rounds: int
    seconds: int


@dataclass(frozen=True)
class LoadResult:
    """The requests a second, and the median and the 99th percentile of their times in milliseconds."""

    per_second: float
    p50: float
    p99: float


# URL, request, connections, seconds.
Load = Callable[[str, Request, int, int], LoadResult]


@dataclass(frozen=True)
class LoadGenerator:
    name: str
    load: Load


def checked_result(requests: int, failures: int, seconds: float, p50: float, p99: float) -> LoadResult:
    """Return the result of a load. Raises BenchError unless every request was answered with success."""
    if failures or not requests:
        raise BenchError(f"{failures} failures in {requests} requests")
    return LoadResult(requests / seconds, p50, p99)


def median(results: Sequence[LoadResult]) -> LoadResult:
    return LoadResult(
        statistics.median(each.per_second for each in results),
        statistics.median(each.p50 for each in results),
        statistics.median(each.p99 for each in results),
    )
