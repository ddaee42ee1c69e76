"""What reading messages costs if they have receipts."""

from pathlib import Path

from bench import report
from bench.conversations import make_conversation
from bench.interleaving import interleaved_rounds
from bench.load import LoadGenerator, Pace
from bench.operations import TARGET_CONNECTIONS
from bench.results import Contrast
from bench.servers import running_parlour

MESSAGES = 10_000
RECIPIENTS = 3
COMPARED = "list any"


def measure_receipts(folder: Path, generator: LoadGenerator, pace: Pace) -> Contrast:
    without = make_conversation(folder / "no-receipts", MESSAGES)
    with_receipts = make_conversation(folder / "receipts", MESSAGES, RECIPIENTS)
    with (
        running_parlour(without.database.parent, without.database) as server_without,
        running_parlour(with_receipts.database.parent, with_receipts.database) as server_with,
    ):
        targets = [
            (server_without, without.requests[COMPARED]),
            (server_with, with_receipts.requests[COMPARED]),
        ]
        row = Contrast(COMPARED, *interleaved_rounds(generator, pace, targets, TARGET_CONNECTIONS))
    report.echo_contrast(row, "no receipts", f"{RECIPIENTS} receipts a message")
    return row
