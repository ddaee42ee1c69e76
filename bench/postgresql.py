"""Parlour and the naive server, both on PostgreSQL: many conversations, one, and two processes."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import report
from bench.cluster import Cluster, running_cluster
from bench.load import Generator, Outcome, Pace
from bench.operations import ACCOUNT_SID, FORM, TARGET_CONNECTIONS, Request, ask_json
from bench.processors import Watch
from bench.quotas import children, half_a_core_each
from bench.results import ROOMS, OnPostgreSQL, Pair, Scale, Workers
from bench.session import ensure_alike
from bench.subjects import PARLOUR, Subject, running_module, running_parlour
from bench.turns import take_turns

PROCESSES = 2


@dataclass(frozen=True)
class Rooms:
    """A database of Parlour's, and the requests that both servers answer alike."""

    url: str
    service_sid: str

    @property
    def requests(self) -> dict[str, Request]:
        path = f"/v1/Services/{self.service_sid}/Conversations/CH%032d/Messages"
        return {
            f"create, {ROOMS} rooms": Request("POST", path, FORM, ((1, ROOMS),)),
            "create, one room": Request("POST", path, FORM, ((1, 1),)),
        }


def measure_postgresql(folder: Path, generator: Generator, pace: Pace) -> OnPostgreSQL:
    # Apart, since another user may have to reach it.
    place = folder / "cluster"
    place.mkdir()
    with running_cluster(place) as cluster:
        rooms = make_rooms(folder, cluster.make("parlour"))
        report.echo_pair_heading("on PostgreSQL", "Parlour", "naive")
        rows = list(measure_pairs(folder, generator, pace, rooms, cluster.make("naive")))
        found = OnPostgreSQL(rows, *measure_workers(folder, generator, pace, rooms, cluster))
    report.echo_workers(found)
    return found


def make_rooms(folder: Path, url: str) -> Rooms:
    """Parlour makes a service; the conversations are imported, with SIDs that can be counted through."""
    with running_parlour(folder, url) as parlour:
        made = ask_json(parlour.url, Request("POST", "/v1/Services", "FriendlyName=Bench"))
    common = {"account_sid": ACCOUNT_SID, "chat_service_sid": made["sid"]}
    common |= {"date_created": 0, "date_updated": 0}
    lines = [
        {"table": "conversations", "row": {"sid": f"CH{number:032}", **common}}
        for number in range(1, ROOMS + 1)
    ]
    text = "\n".join(map(json.dumps, lines))
    subprocess.run(
        [PARLOUR, "import", "--database", url], input=text, text=True, check=True, capture_output=True
    )
    return Rooms(url, made["sid"])


def measure_pairs(
    folder: Path, generator: Generator, pace: Pace, rooms: Rooms, naive_url: str
) -> Iterator[Pair]:
    with (
        running_parlour(folder, rooms.url) as parlour,
        running_module("naive", folder, naive_url, rooms.service_sid, str(ROOMS)) as naive,
    ):
        ensure_alike((parlour, naive), rooms.requests)
        for name, request in rooms.requests.items():
            targets = [(parlour, request), (naive, request)]
            pair = Pair(name, *take_turns(generator, pace, targets, TARGET_CONNECTIONS))
            report.echo_pair(pair)
            yield pair


def measure_workers(
    folder: Path, generator: Generator, pace: Pace, rooms: Rooms, cluster: Cluster
) -> tuple[Workers, Workers | None]:
    """One process and two, as they are and with half a core each; the latter where it can be had."""
    with (
        # First, for it answers when one of its processes does: the other has until the second load.
        running_parlour(folder, rooms.url, "--workers", str(PROCESSES)) as two,
        running_parlour(folder, rooms.url) as one,
    ):
        asked = (generator, pace, rooms, (one, two), cluster.process_id)
        as_they_are = measure_two(*asked)
        with half_a_core_each([one.process_id, *children(two.process_id)]) as halved:
            return as_they_are, measure_two(*asked) if halved else None


def measure_two(
    generator: Generator, pace: Pace, rooms: Rooms, subjects: tuple[Subject, Subject], postgresql: int
) -> Workers:
    # As many for each of the two as there are when there is one.
    connections = PROCESSES * TARGET_CONNECTIONS
    asked = (rooms.requests[f"create, {ROOMS} rooms"], connections, pace.seconds)
    one, two = subjects
    rounds: tuple[list[Outcome], list[Outcome]] = ([], [])
    watch = Watch(two.process_id, postgresql)
    for _ in range(pace.rounds):
        rounds[0].append(generator.load(one.url, *asked))
        with watch.watching():
            rounds[1].append(generator.load(two.url, *asked))
    return Workers(Scale(f"{connections} connections", *rounds), watch.shares())
