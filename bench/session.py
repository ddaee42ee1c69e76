"""The three subjects under the same loads."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import report
from bench.errors import BenchError
from bench.load import Generator, Pace
from bench.operations import Request, ask
from bench.results import Row, Session
from bench.rooms import Room, make_room
from bench.subjects import Subject, running_module, running_parlour
from bench.turns import take_turns

MESSAGES = 100_000
ANSWERED = ("create", "fetch", "list")


def measure_subjects(
    folder: Path, generator: Generator, pace: Pace, chosen: Sequence[tuple[str, int]]
) -> Session:
    room = make_room(folder / "subjects", MESSAGES)
    rows = []
    with ExitStack() as running:
        parlour = running.enter_context(running_parlour(folder, room.database))
        answers = keep_answers(parlour, room, folder / "answers")
        floor = running.enter_context(running_module("floor", folder, answers))
        naive = running.enter_context(running_module("naive", folder, *naive_arguments(folder, room)))
        subjects = (parlour, floor, naive)
        ensure_alike(subjects, room.requests)
        report.echo_heading()
        for name, connections in chosen:
            targets = [(subject, room.requests[name]) for subject in subjects]
            rows.append(Row(name, connections, *take_turns(generator, pace, targets, connections)))
            report.echo_row(rows[-1])
        return Session(rows, parlour.memory(), room.first_answer_seconds)


def naive_arguments(folder: Path, room: Room) -> list[str | Path]:
    return [folder / "naive.db", room.service_sid, room.conversation_sid, str(room.messages)]


def keep_answers(parlour: Subject, room: Room, folder: Path) -> Path:
    """Parlour's answers as files, for the floor to give."""
    folder.mkdir()
    for name in ANSWERED:
        (folder / name).write_bytes(ask(parlour.url, room.requests[name]))
    return folder


def ensure_alike(subjects: Sequence[Subject], requests: Mapping[str, Request]) -> None:
    """Answers of different shapes are not to be compared."""
    for name, request in requests.items():
        expected, *others = (shape(ask(subject.url, request)) for subject in subjects)
        if any(other != expected for other in others):
            raise BenchError(f"{name}: the answers differ: {expected}, {others}")


def shape(answer: bytes) -> tuple[list[str], int]:
    """The names of a message's fields, and how many messages there are."""
    body = json.loads(answer)
    messages = body.get("messages", [body])
    return sorted(messages[0]), len(messages)
