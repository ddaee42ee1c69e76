"""Webhooks with many lanes due beside few: deliveries a second, and the messages of a bystander."""

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench import report
from bench.cluster import running_cluster
from bench.load import Generator, Outcome, Pace
from bench.operations import ACCOUNT_SID, FORM, Request, ask_json
from bench.results import FEW, MANY, Backlogged, Scale
from bench.subjects import PARLOUR, Subject, running_module, running_parlour
from parlour.bootstrap import open_engine
from parlour.config import Config

# While few are due, there are always at least so many.
LEAST = FEW // 2
LOOK_SECONDS = 0.005
# How long deliveries are counted.
SECONDS = 4
TARGETS = 100
# Requests of the bystander at a time: enough for a p99, and not so many that they are what is waited for.
CONNECTIONS = 4
# Enough for the lanes of all loads.
CONVERSATIONS = 2_000
# Lanes of one transaction: PostgreSQL gives a statement five seconds.
TOGETHER = 5_000

NUMBERS = (
    "WITH RECURSIVE n (n) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT n + 1 FROM n WHERE n < ?) SELECT"
)
# SIDs of the right length: 23 digits here, nine of a number.
ZEROS, FIRST = "0" * 23, 100_000_000
# Each conversation has a lane to each target. Those of services are never looked for.
CONVERSATION = f"'CH{ZEROS}' || CAST({FIRST} + (n - {FIRST}) / {TARGETS} AS TEXT)"
TARGET = f"'IS{ZEROS}' || CAST({FIRST} + n % {TARGETS} AS TEXT)"
LANES = f"""INSERT INTO webhook_lanes
(conversation_sid, sid, carrier, next_number, due_at, ready, leased_until)
{NUMBERS} {CONVERSATION}, {TARGET}, {TARGET}, 1, ?, 1, 0 FROM n"""
DELIVERIES = f"""INSERT INTO webhook_deliveries (conversation_sid, sid, account_sid, target_sid, number,
event_type, target_url, method, parameters, status, attempts, date_created, date_updated)
{NUMBERS} {CONVERSATION}, 'WD{ZEROS}' || CAST(n AS TEXT), '{ACCOUNT_SID}', {TARGET}, 0,
'onMessageAdded', ?, 'POST', '{{"EventType":"onMessageAdded"}}', 'pending', '[]', ?, ? FROM n"""


class Backlog:
    """Lanes with one delivery each, put into the database of a server that runs, and what came of them."""

    def __init__(self, database: Path | str, receiver: Subject) -> None:
        self._session = open_engine(Config(database=str(database))).open()
        self._receiver, self._put, self._before = receiver, 0, 0
        self._before = self.heard()

    def heard(self) -> int:
        """How many deliveries have come."""
        return int(ask_json(self._receiver.url, Request("GET", "/heard"))["count"]) - self._before

    def fill(self, lanes: int) -> None:
        for start in range(0, lanes, TOGETHER):
            count = min(TOGETHER, lanes - start)
            first, now = FIRST + self._put, time.time_ns() // 1_000_000
            span = (first, first + count - 1)
            self._session.begin()
            self._session.execute(LANES, (*span, now))
            self._session.execute(DELIVERIES, (*span, f"{self._receiver.url}/", now, now))
            self._session.commit()
            self._put += count

    @contextlib.contextmanager
    def few(self) -> Iterator[None]:
        """LEAST to FEW lanes are due within the block."""
        ending = threading.Event()

        def feed() -> None:
            while not ending.wait(LOOK_SECONDS):
                due = self._put - self.heard()
                if due < LEAST:
                    self.fill(FEW - due)

        thread = threading.Thread(target=feed)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()

    def rate(self, seconds: float) -> float:
        """Deliveries a second."""
        started, before = time.perf_counter(), self.heard()
        time.sleep(seconds)
        return (self.heard() - before) / (time.perf_counter() - started)


def make_conversations(database: Path | str, service_sid: str) -> None:
    common = {
        "account_sid": ACCOUNT_SID,
        "chat_service_sid": service_sid,
        "date_created": 0,
        "date_updated": 0,
    }
    lines = [
        json.dumps({"table": "conversations", "row": {"sid": f"CH{ZEROS}{FIRST + number}", **common}})
        for number in range(CONVERSATIONS)
    ]
    command: list[str | Path] = [PARLOUR, "import", "--database", str(database)]
    subprocess.run(command, input="\n".join(lines), text=True, check=True, capture_output=True)


def measure_backlogs(
    folder: Path, generator: Generator, pace: Pace, *, postgresql: bool
) -> dict[str, Backlogged]:
    """Measure on SQLite, and on PostgreSQL if asked to."""
    place = folder / "backlog"
    place.mkdir()
    found = {}
    with running_module("receiver", place) as receiver:
        found["SQLite"] = measure_backlog(place / "parlour.db", place, receiver, generator, pace)
        report.echo_backlog("SQLite", found["SQLite"])
        if postgresql:
            with running_cluster(place) as cluster:
                url = cluster.make("backlog")
                found["PostgreSQL"] = measure_backlog(url, place, receiver, generator, pace)
            report.echo_backlog("PostgreSQL", found["PostgreSQL"])
    return found


def measure_backlog(
    database: Path | str, folder: Path, receiver: Subject, generator: Generator, pace: Pace
) -> Backlogged:
    with running_parlour(folder, database) as parlour:
        room = ask_json(parlour.url, Request("POST", "/v1/Conversations", "FriendlyName=Bystander"))
        create = Request("POST", f"/v1/Conversations/{room['sid']}/Messages", FORM)
        make_conversations(database, room["chat_service_sid"])
        backlog = Backlog(database, receiver)

        def loads(rounds: int = pace.rounds) -> list[Outcome]:
            return [generator.load(parlour.url, create, CONNECTIONS, pace.seconds) for _ in range(rounds)]

        idle = loads(1)
        with backlog.few():
            backlog.rate(1)
            of_few, beside_few = backlog.rate(SECONDS), loads()
        backlog.fill(MANY)
        of_many, beside_many = backlog.rate(SECONDS), loads()
    return Backlogged(of_few, of_many, idle, Scale("create, a bystander", beside_few, beside_many))
