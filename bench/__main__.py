"""`python -m bench`: measures, prints the table and the targets, writes bench/results.json."""

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
from bench.deletion import measure_deletions
from bench.errors import BenchError
from bench.expiry import measure_expiry
from bench.generators import GENERATORS, choose_generator
from bench.load import Generator, Pace
from bench.operations import NAMES, cases
from bench.postgresql import measure_postgresql
from bench.receipts import measure_receipts
from bench.reset import measure_reset
from bench.results import Figures
from bench.scale import measure_scale
from bench.session import measure_subjects
from bench.targets import judge
from bench.telling import measure_telling
from bench.uploads import measure_uploads

RESULTS = Path(__file__).with_name("results.json")

Anything = object


def whole_numbers(_: Anything, __: Anything, value: str) -> tuple[int, ...]:
    parts = value.split(",")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise click.BadParameter(f"{value!r} is not a list of whole numbers with commas between them")
    return tuple(map(int, parts))


def names(_: Anything, __: Anything, value: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in value.split(","))
    for unknown in set(parts).difference(NAMES):
        raise click.BadParameter(f"{unknown!r} is not one of {', '.join(NAMES)}")
    return parts


def leave(_: int, __: FrameType | None) -> NoReturn:
    sys.exit(1)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True}
)
@click.option("--connections", callback=whole_numbers, default="1,8,32,128", help="How many at once.")
@click.option("--only", callback=names, default=",".join(NAMES), help="What is asked.")
@click.option("--rounds", type=click.IntRange(1), default=3, help="The medians are taken over them.")
@click.option("--seconds", type=click.IntRange(1), default=2, help="How long each load lasts.")
@click.option("--scale/--no-scale", default=True, help="Compare 1,000 messages with 1,000,000.")
@click.option("--postgresql/--no-postgresql", default=True, help="Measure on PostgreSQL too.")
@click.option("--quick", is_flag=True, help="One round of one second, at 32 connections only.")
@click.option("--generator", type=click.Choice(list(GENERATORS)), help="Default: the first that is there.")
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the databases are, for the time of the run. Default: the system's temporary folder.",
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
    """Measure Parlour, the floor and the naive server, each under the same load."""
    signal.signal(signal.SIGTERM, leave)
    if quick:
        connections, rounds, seconds = (32,), 1, 1
    chosen = cases(only, connections)
    try:
        with tempfile.TemporaryDirectory(prefix="parlour-bench-", dir=folder) as temporary:
            pace, parts = Pace(rounds, seconds), Parts(scale, postgresql)
            run(Path(temporary), choose_generator(generator), pace, chosen, parts)
    except BenchError as error:
        raise click.ClickException(str(error)) from None


class Parts(NamedTuple):
    """What is measured beside the rows."""

    scale: bool
    postgresql: bool


def run(folder: Path, generator: Generator, pace: Pace, chosen: list[tuple[str, int]], parts: Parts) -> None:
    started = time.monotonic()
    report.echo_setting(generator, pace)
    measured = measure_subjects(folder, generator, pace, chosen)
    scaled = measure_scale(folder, generator, pace) if parts.scale else None
    beside = {
        "telling": measure_telling(folder, generator, pace),
        "receipts": measure_receipts(folder, generator, pace),
        "expiry": measure_expiry(folder, generator, pace),
    }
    deletions = measure_deletions(folder, generator, pace, postgresql=parts.postgresql) if parts.scale else []
    on_postgresql = measure_postgresql(folder, generator, pace) if parts.postgresql else None
    uploads = measure_uploads(folder, pace, postgresql=parts.postgresql)
    backlogs = measure_backlogs(folder, generator, pace, postgresql=parts.postgresql)
    attacks, reset = measure_attacks(folder), measure_reset(folder)
    figures = Figures(measured, scaled, beside, deletions, on_postgresql, uploads, backlogs, attacks, reset)
    verdicts = judge(figures)
    report.echo_verdicts(verdicts)
    report.write_results(RESULTS, report.results(generator, pace, figures, verdicts))
    click.echo(f"\nIt took {time.monotonic() - started:.0f} seconds; every figure is in {RESULTS.name}.")


main(prog_name="bench")
