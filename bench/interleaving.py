"""Interleaved rounds: each round loads every target once, so that noise of the machine affects all alike."""

from collections.abc import Sequence

from bench.errors import BenchError
from bench.load import LoadGenerator, LoadResult, Pace
from bench.operations import Request
from bench.servers import Server

Target = tuple[Server, Request]


def interleaved_rounds(
    generator: LoadGenerator, pace: Pace, targets: Sequence[Target], connections: int
) -> list[list[LoadResult]]:
    """Return the results of the rounds, for each target."""
    results: list[list[LoadResult]] = [[] for _ in targets]
    for _ in range(pace.rounds):
        for (server, request), found in zip(targets, results, strict=True):
            try:
                found.append(generator.load(server.url, request, connections, pace.seconds))
            except BenchError as error:
                raise BenchError(f"{server.name}, {request.method} {request.path}: {error}") from None
    return results
