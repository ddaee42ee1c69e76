"""A small conversation beside a large one, each in a database and a process of its own."""

from pathlib import Path

from bench import report
from bench.load import Generator, Pace
from bench.operations import TARGET_CONNECTIONS
from bench.results import Scale, Scales
from bench.rooms import make_room
from bench.subjects import running_parlour
from bench.turns import take_turns

SMALL, LARGE = 1_000, 1_000_000
COMPARED = ("create", "fetch any", "list any")


def measure_scale(folder: Path, generator: Generator, pace: Pace) -> Scales:
    small, large = (make_room(folder / f"{messages}-messages", messages) for messages in (SMALL, LARGE))
    rows = []
    with (
        running_parlour(small.database.parent, small.database) as of_small,
        running_parlour(large.database.parent, large.database) as of_large,
    ):
        report.echo_scale_heading(SMALL, LARGE)
        for name in COMPARED:
            targets = [(of_small, small.requests[name]), (of_large, large.requests[name])]
            rows.append(Scale(name, *take_turns(generator, pace, targets, TARGET_CONNECTIONS)))
            report.echo_scale(rows[-1])
        return Scales(rows, of_large.memory())
