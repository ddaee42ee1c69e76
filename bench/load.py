"""What a load is and what comes of it."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.errors import BenchError
from bench.operations import Request


@dataclass(frozen=True)
class Pace:
    """Each load lasts `seconds` and is put on every subject `rounds` times, in turns."""

    rounds: int
    seconds: int


@dataclass(frozen=True)
class Outcome:
    """Requests a second, and milliseconds that half and 99 % of the requests took at most."""

    per_second: float
    p50: float
    p99: float


# URL, request, connections, seconds.
Load = Callable[[str, Request, int, int], Outcome]


@dataclass(frozen=True)
class Generator:
    name: str
    load: Load


def outcome(requests: int, failures: int, seconds: float, p50: float, p99: float) -> Outcome:
    """Raises BenchError unless every request was answered, and well."""
    if failures or not requests:
        raise BenchError(f"{failures} failures in {requests} requests")
    return Outcome(requests / seconds, p50, p99)


def median(outcomes: Sequence[Outcome]) -> Outcome:
    return Outcome(
        statistics.median(each.per_second for each in outcomes),
        statistics.median(each.p50 for each in outcomes),
        statistics.median(each.p99 for each in outcomes),
    )
