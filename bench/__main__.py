"""`python -m bench`: measures, prints a report with the targets, and writes bench/results.json."""

import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

import click

from bench import report
from bench.attacks import measure_attacks
from bench.backlog import measure_backlogs
from bench.comparison import measure_servers
from bench.deletion import measure_deletions
from bench.errors import BenchError
from bench.expiry import measure_expiry
from bench.load import LoadGenerator, Pace
from bench.load_generators import GENERATORS, choose_generator
from bench.operations import NAMES, cases
from bench.postgresql import measure_postgresql
from bench.receipts import measure_receipts
from bench.reset import measure_reset
from bench.results import Figures
from bench.scale import measure_scale
from bench.targets import judge
from bench.uploads import measure_uploads
from bench.webhook_cost import measure_webhook_cost

RESULTS = Path(__file__).with_name("results.json")


def numbers_option(_: click.Context, __: click.Parameter, value: str) -> tuple[int, ...]:
    parts = value.split(",")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise click.BadParameter(f"{value!r} is not a list of whole numbers from 1 on, separated by commas")
    return tuple(map(int, parts))


def names_option(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in value.split(","))
    for unknown in set(parts).difference(NAMES):
        raise click.BadParameter(f"{unknown!r} is not one of {', '.join(NAMES)}")
    return parts


def exit_on_signal(_: int, __: FrameType | None) -> NoReturn:
    sys.exit(1)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True}
)
@click.option(
    "--connections",
    callback=numbers_option,
    default="1,8,32,128",
    help="Numbers of connections to measure with, separated by commas.",
)
@click.option(
    "--only", callback=names_option, default=",".join(NAMES), help="Requests to measure, separated by commas."
)
@click.option(
    "--rounds", type=click.IntRange(1), default=3, help="Rounds of each load; results are their medians."
)
@click.option("--seconds", type=click.IntRange(1), default=2, help="How long each load lasts.")
@click.option(
    "--scale/--no-scale", default=True, help="Compare conversations with 1,000 and 1,000,000 messages."
)
@click.option("--postgresql/--no-postgresql", default=True, help="Measure on PostgreSQL, too.")
@click.option("--quick", is_flag=True, help="One round of one second, with 32 connections only.")
@click.option(
    "--generator",
    type=click.Choice(list(GENERATORS)),
    help="Load generator. Default: wrk if it is installed.",
)
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where to keep the databases during the run. Default: the system's temporary folder.",
)
def main(  # noqa: PLR0913 - one for each option
    *,
    connections: tuple[int, ...],
    only: tuple[str, ...],
    rounds: int,
    seconds: int,
    scale: bool,
    postgresql: bool,
    quick: bool,
    generator: str | None,
    folder: Path | None,
) -> None:
    """Measure the speed and the memory of Parlour, and compare it with two other servers.

    The floor is a server that returns fixed bytes and stores nothing. The naive server has the
    same fields, and is written with FastAPI and SQLAlchemy. Results are also written to bench/results.json.
    """
    signal.signal(signal.SIGTERM, exit_on_signal)
    if quick:
        connections, rounds, seconds = (32,), 1, 1
    chosen = cases(only, connections)
    try:
        with tempfile.TemporaryDirectory(prefix="parlour-bench-", dir=folder) as temporary:
            pace, parts = Pace(rounds, seconds), OptionalParts(scale, postgresql)
            run(Path(temporary), choose_generator(generator), pace, chosen, parts)
    except BenchError as error:
        raise click.ClickException(str(error)) from None


class OptionalParts(NamedTuple):
    """Which of the parts that take long are measured."""

    scale: bool
    postgresql: bool


def run(
    folder: Path, generator: LoadGenerator, pace: Pace, chosen: list[tuple[str, int]], parts: OptionalParts
) -> None:
    started = time.monotonic()
    report.echo_setting(generator, pace)
    compared = measure_servers(folder, generator, pace, chosen)
    scale = measure_scale(folder, generator, pace) if parts.scale else None
    contrasts = {
        "webhook_cost": measure_webhook_cost(folder, generator, pace),
        "receipts": measure_receipts(folder, generator, pace),
        "expiry": measure_expiry(folder, generator, pace),
    }
    deletions = measure_deletions(folder, generator, pace, postgresql=parts.postgresql) if parts.scale else []
    on_postgresql = measure_postgresql(folder, generator, pace) if parts.postgresql else None
    uploads = measure_uploads(folder, pace, postgresql=parts.postgresql)
    backlogs = measure_backlogs(folder, generator, pace, postgresql=parts.postgresql)
    attacks, reset = measure_attacks(folder), measure_reset(folder)
    figures = Figures(compared, scale, contrasts, deletions, on_postgresql, uploads, backlogs, attacks, reset)
    verdicts = judge(figures)
    report.echo_verdicts(verdicts)
    report.write_results(RESULTS, report.results(generator, pace, figures, verdicts))
    click.echo(
        f"\nThe run took {time.monotonic() - started:.0f} seconds. All results are in bench/{RESULTS.name}."
    )


main(prog_name="bench")
