"""A conversation whose messages have receipts, beside one whose messages have none."""

from pathlib import Path

from bench import report
from bench.load import Generator, Pace
from bench.operations import TARGET_CONNECTIONS
from bench.results import Scale
from bench.rooms import make_room
from bench.subjects import running_parlour
from bench.turns import take_turns

MESSAGES = 10_000
RECIPIENTS = 3
COMPARED = "list any"


def measure_receipts(folder: Path, generator: Generator, pace: Pace) -> Scale:
    without = make_room(folder / "no-receipts", MESSAGES)
    having = make_room(folder / "receipts", MESSAGES, RECIPIENTS)
    with (
        running_parlour(without.database.parent, without.database) as of_none,
        running_parlour(having.database.parent, having.database) as of_some,
    ):
        targets = [(of_none, without.requests[COMPARED]), (of_some, having.requests[COMPARED])]
        row = Scale(COMPARED, *take_turns(generator, pace, targets, TARGET_CONNECTIONS))
    report.echo_beside(row, "no receipts", f"{RECIPIENTS} receipts a message")
    return row
