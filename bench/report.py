"""What is printed and what is written."""

import dataclasses
import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from bench.load import Generator, Pace, median
from bench.results import (
    FEW,
    MANY,
    Backlogged,
    Deletion,
    Figures,
    OnPostgreSQL,
    Pair,
    Rounds,
    Row,
    Scale,
    Uploads,
    Workers,
)
from bench.subjects import Memory
from bench.targets import Verdict

LABELS = {"list": "list-50", "fetch any": "fetch (any)", "list any": "list-50 (any)"}
SUBJECTS = ("Parlour", "floor", "naive")
WORDS = {True: "met", False: "MISSED", None: "not measured"}
PACKAGES = ("parlour", "falcon", "uvicorn", "uvloop", "fastapi", "sqlalchemy")


def echo_setting(generator: Generator, pace: Pace) -> None:
    click.echo(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, load by {generator.name},"
        f" medians over {pace.rounds} x {pace.seconds} s. Times in ms."
        "\n(any): random messages, each asked for as never before, so that no kept answer serves.\n"
    )


def echo_heading() -> None:
    click.echo(f"{'':18}" + "".join(f"{name:>27}" for name in SUBJECTS) + f"{'Parlour is':>18}")
    columns = f"{'req/s':>11}{'p50':>8}{'p99':>8}" * len(SUBJECTS)
    click.echo(f"{'request':<14}{'conn':>4}{columns}{'of floor':>9}{'x naive':>9}")


def echo_row(row: Row) -> None:
    cells = "".join(map(cell, (row.parlour, row.floor, row.naive)))
    click.echo(f"{label(row.name):<14}{row.connections:>4}{cells}{row.of_floor:>9.0%}{row.times_naive:>9.1f}")


def echo_scale_heading(small: int, large: int) -> None:
    headings = "".join(f"{f'{messages:,} messages':>27}" for messages in (small, large))
    click.echo(f"\n{'':18}{headings}{'a request':>18}")
    click.echo(f"{'request':<18}" + f"{'req/s':>11}{'p50':>8}{'p99':>8}" * 2 + f"{'costs':>18}")


def echo_scale(row: Scale) -> None:
    click.echo(f"{label(row.name):<18}{cell(row.small)}{cell(row.large)}{row.cost:>16.2f} x")


def echo_beside(row: Scale, small: str, large: str) -> None:
    click.echo(f"\n{'':18}{small:>27}{large:>27}{'a request':>18}")
    echo_scale(row)


def echo_reset(milliseconds: float, messages: int) -> None:
    click.echo(f"\nA reset of {messages:,} messages takes {milliseconds:.1f} ms.")


def echo_attacks(found: Mapping[str, Memory]) -> None:
    click.echo("\nMB at most, after attacks without credentials:")
    for name, memory in found.items():
        click.echo(f"  {name:<20}{memory.most:>8.0f}")


def echo_deletion_heading(messages: int) -> None:
    during = f"while {messages:,} go"
    click.echo(f"\n{'create':18}{'before':>27}{during:>27}{'p99':>18}")


def echo_deletion(found: Deletion) -> None:
    click.echo(f"{found.engine:<18}{cell(found.before)}{cell(found.during)}{found.cost:>16.2f} x")


def echo_uploads_heading(count: int, megabytes: int) -> None:
    beside = f"{count} uploads of {megabytes} MB"
    click.echo(f"\n{'create, one client':18}{'alone':>27}{beside:>27}{'p99':>10}{'memory':>10}")


def echo_uploads(row: Uploads) -> None:
    memory = "-" if row.memory is None else f"{row.memory.most:.0f} MB"
    click.echo(f"{row.engine:<18}{cell(row.alone)}{cell(row.beside)}{row.cost:>8.1f} x{memory:>10}")


def echo_pair_heading(what: str, first: str, second: str) -> None:
    click.echo(f"\n{what:<18}{first:>27}{second:>27}{'x naive':>18}")


def echo_pair(pair: Pair) -> None:
    click.echo(f"{pair.name:<18}{cell(pair.parlour)}{cell(pair.naive)}{pair.times_naive:>18.1f}")


def echo_workers(found: OnPostgreSQL) -> None:
    click.echo(f"\n{found.workers.row.name:18}{'one process':>27}{'two processes':>27}{'x one':>18}")
    for what, workers in (("as they are", found.workers), ("half a core each", found.halved)):
        if workers is not None:
            row = workers.row
            click.echo(f"{what:<18}{cell(row.small)}{cell(row.large)}{workers.gain:>18.2f}")
            shares = dataclasses.asdict(workers.shares).items()
            took = ", ".join(f"{name} {share:.0%}" for name, share in shares)
            click.echo(f"  while two answered, of {os.cpu_count()} processors: {took}")


def echo_backlog(engine: str, found: Backlogged) -> None:
    click.echo(f"\n{engine:18}{f'{FEW:,} lanes due':>27}{f'{MANY:,} lanes due':>27}{'many by few':>18}")
    click.echo(f"{'deliveries':<18}{found.few:>11,.0f}{'':16}{found.many:>11,.0f}{'':16}{found.share:>18.2f}")
    row = found.bystander
    click.echo(f"{row.name:<18.18}{cell(row.small)}{cell(row.large)}{found.p99:>14.2f} p99")
    click.echo(f"{'  with none due':<18}{cell(found.idle)}")


def echo_verdicts(verdicts: Sequence[Verdict]) -> None:
    click.echo(f"\n{'target':<46}{'limit':>16}{'measured':>12}")
    for each in verdicts:
        limit = ("at least " if each.at_least else "at most ") + each.form.format(each.limit)
        measured = "-" if each.measured is None else each.form.format(each.measured)
        aim = "" if each.aim is None else f" (the aim is {each.form.format(each.aim)})"
        click.echo(f"{each.what:<46}{limit:>16}{measured:>12}  {WORDS[each.met]}{aim}")


def label(name: str) -> str:
    return LABELS.get(name, name)


def cell(rounds: Rounds) -> str:
    middle = median(rounds)
    return f"{middle.per_second:>11,.0f}{middle.p50:>8.2f}{middle.p99:>8.2f}"


def results(
    generator: Generator, pace: Pace, figures: Figures, verdicts: Sequence[Verdict]
) -> dict[str, Any]:
    session, scales, beside, deletions, on_postgresql, uploads, backlogs, attacks, _ = figures
    return {
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        "generator": generator.name,
        "pace": dataclasses.asdict(pace),
        "rows": [row_result(row) for row in session.rows],
        "scale": [] if scales is None else [scale_result(row) for row in scales.rows],
        **{name: scale_result(row) for name, row in beside.items()},
        "deletions": [dataclasses.asdict(each) | {"cost": each.cost} for each in deletions],
        "backlog": {name: backlog_result(each) for name, each in backlogs.items()},
        "postgresql": on_postgresql and postgresql_result(on_postgresql),
        "uploads": [dataclasses.asdict(row) | {"cost": row.cost} for row in uploads],
        "memory_megabytes": {
            "after_the_rows": session.memory and dataclasses.asdict(session.memory),
            "after_attacks": {name: dataclasses.asdict(memory) for name, memory in attacks.items()},
            "after_the_scale": scales and scales.memory and dataclasses.asdict(scales.memory),
        },
        "first_answer_seconds": session.first_answer_seconds,
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


def scale_result(row: Scale) -> dict[str, Any]:
    return dataclasses.asdict(row) | {"cost": row.cost}


def backlog_result(found: Backlogged) -> dict[str, Any]:
    return dataclasses.asdict(found) | {"share": found.share, "p99": found.p99}


def postgresql_result(found: OnPostgreSQL) -> dict[str, Any]:
    return {
        "rows": [dataclasses.asdict(pair) | {"times_naive": pair.times_naive} for pair in found.rows],
        "workers": workers_result(found.workers),
        "workers_halved": found.halved and workers_result(found.halved),
    }


def workers_result(workers: Workers) -> dict[str, Any]:
    return dataclasses.asdict(workers) | {"gain": workers.gain}


def write_results(path: Path, found: dict[str, Any]) -> None:
    path.write_text(json.dumps(found, indent=2) + "\n")
