"""Messages of which a webhook is told, beside messages of which nobody is."""

from pathlib import Path

from bench import report
from bench.load import Generator, Outcome, Pace
from bench.operations import FORM, TARGET_CONNECTIONS, Request, ask
from bench.results import Scale
from bench.rooms import Room, make_room
from bench.subjects import running_module, running_parlour

MESSAGES = 1_000


def measure_telling(folder: Path, generator: Generator, pace: Pace) -> Scale:
    """A server of its own for each round, so that no round bears what another has left to deliver."""
    room = make_room(folder / "telling", MESSAGES)
    create = room.requests["create"]
    requests = (create, Request(create.method, create.path, create.form, tells=True))
    rounds: tuple[list[Outcome], list[Outcome]] = ([], [])
    with running_module("receiver", folder) as receiver:
        configure(folder, room, f"{receiver.url}/")
        for _ in range(pace.rounds):
            for request, outcomes in zip(requests, rounds, strict=True):
                with running_parlour(folder, room.database) as parlour:
                    loaded = generator.load(parlour.url, request, TARGET_CONNECTIONS, pace.seconds)
                outcomes.append(loaded)
    told = Scale("create, told", *rounds)
    report.echo_beside(told, "nobody is told", "a webhook is told")
    return told


def configure(folder: Path, room: Room, url: str) -> None:
    form = f"PostWebhookUrl={url}&Filters=onMessageAdded"
    path = f"/v1/Services/{room.service_sid}/Configuration/Webhooks"
    with running_parlour(folder, room.database) as parlour:
        ask(parlour.url, Request("POST", path, form))
        ask(parlour.url, Request("POST", room.requests["create"].path, FORM, tells=True))
