"""The printed report, and the file of results."""

import dataclasses
import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from bench.load import LoadGenerator, Pace, median
from bench.operations import LABELS
from bench.results import (
    FEW,
    MANY,
    BacklogResult,
    Contrast,
    DeletionResult,
    Figures,
    ParlourAndNaive,
    PostgreSQLResult,
    Rounds,
    Row,
    TwoProcesses,
    UploadResult,
)
from bench.servers import Memory
from bench.targets import Verdict

SERVERS = ("Parlour", "Floor", "Naive")
WORDS = {True: "met", False: "MISSED", None: "not measured"}
PACKAGES = ("parlour", "falcon", "uvicorn", "uvloop", "fastapi", "sqlalchemy")


def echo_setting(generator: LoadGenerator, pace: Pace) -> None:
    click.echo(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, load generator {generator.name}."
        f" Medians of {pace.rounds} x {pace.seconds} s.\n"
        "Three columns for each load: requests a second, then the median and the 99th percentile of their\n"
        "times in milliseconds.\n"
        "Floor: a server on the same framework that returns fixed bytes and stores nothing.\n"
        "Naive: a server with the same fields, on FastAPI and SQLAlchemy.\n"
        "(any): requests for random messages, whose answers are never in Parlour's cache.\n"
    )


def echo_heading() -> None:
    click.echo(f"{'':18}" + "".join(f"{name:>27}" for name in SERVERS) + f"{'Parlour req/s':>18}")
    columns = f"{'req/s':>11}{'p50':>8}{'p99':>8}" * len(SERVERS)
    click.echo(f"{'Request':<13}{'Conn.':>5}{columns}{'/ floor':>9}{'/ naive':>9}")


def echo_row(row: Row) -> None:
    cells = "".join(map(cell, (row.parlour, row.floor, row.naive)))
    ratios = f"{row.of_floor:>9.0%}{f'{row.times_naive:.1f} x':>9}"
    click.echo(f"{LABELS[row.name]:<14}{row.connections:>4}{cells}{ratios}")


def echo_scale_heading(small: int, large: int) -> None:
    headings = "".join(f"{f'{messages:,} messages':>27}" for messages in (small, large))
    click.echo(f"\n{'':18}{headings}{'Time':>18}")
    click.echo(f"{'Request':<18}" + f"{'req/s':>11}{'p50':>8}{'p99':>8}" * 2 + f"{'large / small':>18}")


def echo_contrast_row(row: Contrast) -> None:
    click.echo(f"{LABELS[row.name]:<18}{cell(row.baseline)}{cell(row.variant)}{row.cost:>16.2f} x")


def echo_contrast(row: Contrast, baseline: str, variant: str) -> None:
    click.echo(f"\n{'Request':18}{baseline:>27}{variant:>27}{'Time, 2nd / 1st':>18}")
    echo_contrast_row(row)


def echo_reset(milliseconds: float, messages: int) -> None:
    click.echo(f"\nResetting a server with {messages:,} messages takes {milliseconds:.1f} ms.")


def echo_attacks(found: Mapping[str, Memory]) -> None:
    click.echo("\nPeak memory in MB, after each of these requests that never end, without credentials:")
    for name, memory in found.items():
        click.echo(f"  {name[:1].upper() + name[1:]:<20}{memory.peak:>8.0f}")


def echo_deletion_heading(messages: int) -> None:
    during = f"deleting {messages:,} messages"
    click.echo(f"\n{'Create':18}{'before a deletion':>27}{during:>27}{'p99, 2nd / 1st':>18}")


def echo_deletion(found: DeletionResult) -> None:
    click.echo(f"{found.engine:<18}{cell(found.before)}{cell(found.during)}{found.cost:>16.2f} x")


def echo_uploads_heading(count: int, megabytes: int) -> None:
    uploads = f"{count} uploads of {megabytes} MB"
    click.echo(f"\n{'Create, 1 client':18}{'without uploads':>27}{uploads:>27}{'p99':>10}{'Memory':>10}")


def echo_uploads(row: UploadResult) -> None:
    memory = "-" if row.memory is None else f"{row.memory.peak:.0f} MB"
    click.echo(
        f"{row.engine:<18}{cell(row.without_uploads)}{cell(row.with_uploads)}{row.cost:>8.1f} x{memory:>10}"
    )


def echo_naive_heading(what: str) -> None:
    click.echo(f"\n{what:<30}{'Parlour':>27}{'Naive':>27}{'req/s / naive':>15}")


def echo_naive(pair: ParlourAndNaive) -> None:
    name = pair.name[:1].upper() + pair.name[1:]
    click.echo(f"{name:<30}{cell(pair.parlour)}{cell(pair.naive)}{pair.times_naive:>13.1f} x")


def echo_processes(found: PostgreSQLResult) -> None:
    click.echo(
        f"\n{found.two_processes.row.name:18}{'one process':>27}{'two processes':>27}{'req/s, 2nd / 1st':>18}"
    )
    for what, found_two in (
        ("Without a limit", found.two_processes),
        ("Half a core each", found.half_a_core_each),
    ):
        if found_two is not None:
            row = found_two.row
            click.echo(f"{what:<18}{cell(row.baseline)}{cell(row.variant)}{found_two.gain:>16.2f} x")
            shares = dataclasses.asdict(found_two.shares).items()
            used = ", ".join(f"{name} {share:.0%}" for name, share in shares)
            click.echo(
                f"  Processor time while two processes answered, of {os.cpu_count()} processors: {used}"
            )


def echo_backlog(engine: str, found: BacklogResult) -> None:
    click.echo(f"\n{engine:18}{f'{FEW:,} lanes due':>27}{f'{MANY:,} lanes due':>27}{'2nd / 1st':>18}")
    rates = f"{found.few_rate:>11,.0f}{'':16}{found.many_rate:>11,.0f}{'':16}"
    click.echo(f"{'Deliveries / s':<18}{rates}{found.rate_ratio:>18.2f}")
    row = found.create
    click.echo(f"{LABELS[row.name]:<18}{cell(row.baseline)}{cell(row.variant)}{found.p99_ratio:>14.2f} p99")
    click.echo(f"{'  no lane due':<18}{cell(found.idle)}")


def echo_verdicts(verdicts: Sequence[Verdict]) -> None:
    click.echo(f"\n{'Target (a / b: a divided by b)':<64}{'Limit':>16}{'Measured':>12}")
    for each in verdicts:
        limit = ("at least " if each.at_least else "at most ") + each.form.format(each.limit)
        measured = "-" if each.measured is None else each.form.format(each.measured)
        aim = "" if each.aim is None else f" (the aim is {each.form.format(each.aim)})"
        click.echo(f"{each.what:<64}{limit:>16}{measured:>12}  {WORDS[each.met]}{aim}")


def cell(rounds: Rounds) -> str:
    middle = median(rounds)
    return f"{middle.per_second:>11,.0f}{middle.p50:>8.2f}{middle.p99:>8.2f}"


def results(
    generator: LoadGenerator, pace: Pace, figures: Figures, verdicts: Sequence[Verdict]
) -> dict[str, Any]:
    comparison, scale = figures.comparison, figures.scale
    return {
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        "generator": generator.name,
        "pace": dataclasses.asdict(pace),
        "rows": [row_result(row) for row in comparison.rows],
        "scale": [] if scale is None else [contrast_result(row) for row in scale.rows],
        **{name: contrast_result(row) for name, row in figures.contrasts.items()},
        "deletions": [dataclasses.asdict(each) | {"cost": each.cost} for each in figures.deletions],
        "backlog": {name: backlog_result(each) for name, each in figures.backlogs.items()},
        "postgresql": figures.postgresql and postgresql_result(figures.postgresql),
        "uploads": [dataclasses.asdict(row) | {"cost": row.cost} for row in figures.uploads],
        "memory_megabytes": {
            "after_the_main_table": comparison.memory and dataclasses.asdict(comparison.memory),
            "after_attacks": {name: dataclasses.asdict(memory) for name, memory in figures.attacks.items()},
            "with_a_large_conversation": scale and scale.memory and dataclasses.asdict(scale.memory),
        },
        "first_answer_seconds": comparison.first_answer_seconds,
        "reset_milliseconds": figures.reset_milliseconds,
        "targets": [dataclasses.asdict(each) | {"met": each.met} for each in verdicts],
    }


def row_result(row: Row) -> dict[str, Any]:
    return dataclasses.asdict(row) | {
        "median": {
            name: dataclasses.asdict(median(rounds))
            for name, rounds in (("parlour", row.parlour), ("floor", row.floor), ("naive", row.naive))
        },
        "of_floor": row.of_floor,
        "times_naive": row.times_naive,
    }


def contrast_result(row: Contrast) -> dict[str, Any]:
    return dataclasses.asdict(row) | {"cost": row.cost}


def backlog_result(found: BacklogResult) -> dict[str, Any]:
    return dataclasses.asdict(found) | {"rate_ratio": found.rate_ratio, "p99_ratio": found.p99_ratio}


def postgresql_result(found: PostgreSQLResult) -> dict[str, Any]:
    return {
        "rows": [dataclasses.asdict(pair) | {"times_naive": pair.times_naive} for pair in found.rows],
        "two_processes": two_processes_result(found.two_processes),
        "half_a_core_each": found.half_a_core_each and two_processes_result(found.half_a_core_each),
    }


def two_processes_result(found: TwoProcesses) -> dict[str, Any]:
    return dataclasses.asdict(found) | {"gain": found.gain}


def write_results(path: Path, found: dict[str, Any]) -> None:
    path.write_text(json.dumps(found, indent=2) + "\n")
