"""What requests cost in a large conversation, compared with a small one in a server of its own."""

from pathlib import Path

from bench import report
from bench.conversations import make_conversation
from bench.interleaving import interleaved_rounds
from bench.load import LoadGenerator, Pace
from bench.operations import TARGET_CONNECTIONS
from bench.results import Contrast, ScaleResult
from bench.servers import running_parlour

SMALL, LARGE = 1_000, 1_000_000
COMPARED = ("create", "fetch any", "list any")


def measure_scale(folder: Path, generator: LoadGenerator, pace: Pace) -> ScaleResult:
    small, large = (
        make_conversation(folder / f"{messages}-messages", messages) for messages in (SMALL, LARGE)
    )
    rows = []
    with (
        running_parlour(small.database.parent, small.database) as small_server,
        running_parlour(large.database.parent, large.database) as large_server,
    ):
        report.echo_scale_heading(SMALL, LARGE)
        for name in COMPARED:
            targets = [(small_server, small.requests[name]), (large_server, large.requests[name])]
            rows.append(Contrast(name, *interleaved_rounds(generator, pace, targets, TARGET_CONNECTIONS)))
            report.echo_contrast_row(rows[-1])
        return ScaleResult(rows, large_server.memory())
