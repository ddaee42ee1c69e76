"""Loads in turns: round by round one target after the other, so that the machine's noise meets all."""

from collections.abc import Sequence

from bench.errors import BenchError
from bench.load import Generator, Outcome, Pace
from bench.operations import Request
from bench.subjects import Subject

Target = tuple[Subject, Request]


def take_turns(
    generator: Generator, pace: Pace, targets: Sequence[Target], connections: int
) -> list[list[Outcome]]:
    """The outcomes of the rounds, for each target."""
    outcomes: list[list[Outcome]] = [[] for _ in targets]
    for _ in range(pace.rounds):
        for (subject, request), found in zip(targets, outcomes, strict=True):
            try:
                found.append(generator.load(subject.url, request, connections, pace.seconds))
            except BenchError as error:
                raise BenchError(f"{subject.name}, {request.method} {request.path}: {error}") from None
    return outcomes
