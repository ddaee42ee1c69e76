"""Webhook deliveries with few and with many lanes due: how many a second, and what another client notices."""

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench import report
from bench.cluster import running_cluster
from bench.load import LoadGenerator, LoadResult, Pace
from bench.operations import ACCOUNT_SID, FORM, Request, request_json
from bench.results import FEW, MANY, BacklogResult, Contrast
from bench.servers import PARLOUR, Server, running_module, running_parlour
from parlour.bootstrap import open_engine
from parlour.config import Config

# The fewest lanes that are due during the load with few.
MIN_DUE = FEW // 2
POLL_SECONDS = 0.005
# How long deliveries are counted.
COUNT_SECONDS = 4
TARGETS = 100
# Connections of the other client: enough for a p99, and few enough not to be the bottleneck themselves.
CONNECTIONS = 4
# Enough for the lanes of all loads.
CONVERSATIONS = 2_000
# Lanes that one transaction inserts: on PostgreSQL, a statement may take five seconds.
LANES_AT_ONCE = 5_000

NUMBERS = (
    "WITH RECURSIVE n (n) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT n + 1 FROM n WHERE n < ?) SELECT"
)
# SIDs of the right length: 23 digits here, nine of a number.
ZEROS, FIRST = "0" * 23, 100_000_000
# Each conversation has a lane to each target. Targets of services (IS) need no row of their own.
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
    """Inserts lanes with one delivery each into the database of a running server, and counts deliveries."""

    def __init__(self, database: Path | str, receiver: Server) -> None:
        self._session = open_engine(Config(database=str(database))).open()
        self._receiver, self._inserted, self._before = receiver, 0, 0
        self._before = self.count_deliveries()

    def count_deliveries(self) -> int:
        """Return how many deliveries the receiver has got."""
        return int(request_json(self._receiver.url, Request("GET", "/count"))["count"]) - self._before

    def fill(self, lanes: int) -> None:
        for start in range(0, lanes, LANES_AT_ONCE):
            count = min(LANES_AT_ONCE, lanes - start)
            first, now = FIRST + self._inserted, time.time_ns() // 1_000_000
            span = (first, first + count - 1)
            self._session.begin()
            self._session.execute(LANES, (*span, now))
            self._session.execute(DELIVERIES, (*span, f"{self._receiver.url}/", now, now))
            self._session.commit()
            self._inserted += count

    @contextlib.contextmanager
    def few_due(self) -> Iterator[None]:
        """Keep MIN_DUE to FEW lanes due within the block."""
        ending = threading.Event()

        def feed() -> None:
            while not ending.wait(POLL_SECONDS):
                due = self._inserted - self.count_deliveries()
                if due < MIN_DUE:
                    self.fill(FEW - due)

        thread = threading.Thread(target=feed)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()

    def rate(self, seconds: float) -> float:
        """Return the deliveries a second, counted for `seconds`."""
        started, before = time.perf_counter(), self.count_deliveries()
        time.sleep(seconds)
        return (self.count_deliveries() - before) / (time.perf_counter() - started)


def import_conversations(database: Path | str, service_sid: str) -> None:
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
    folder: Path, generator: LoadGenerator, pace: Pace, *, postgresql: bool
) -> dict[str, BacklogResult]:
    """Measure on SQLite and, with `postgresql`, on PostgreSQL. Returns the results by engine."""
    backlog_folder = folder / "backlog"
    backlog_folder.mkdir()
    found = {}
    with running_module("receiver", backlog_folder) as receiver:
        found["SQLite"] = measure_backlog(
            backlog_folder / "parlour.db", backlog_folder, receiver, generator, pace
        )
        report.echo_backlog("SQLite", found["SQLite"])
        if postgresql:
            with running_cluster(backlog_folder) as cluster:
                url = cluster.create_database("backlog")
                found["PostgreSQL"] = measure_backlog(url, backlog_folder, receiver, generator, pace)
            report.echo_backlog("PostgreSQL", found["PostgreSQL"])
    return found


def measure_backlog(
    database: Path | str, folder: Path, receiver: Server, generator: LoadGenerator, pace: Pace
) -> BacklogResult:
    with running_parlour(folder, database) as parlour:
        conversation = request_json(parlour.url, Request("POST", "/v1/Conversations", "FriendlyName=Bench"))
        create = Request("POST", f"/v1/Conversations/{conversation['sid']}/Messages", FORM)
        import_conversations(database, conversation["chat_service_sid"])
        backlog = Backlog(database, receiver)

        def loads(rounds: int = pace.rounds) -> list[LoadResult]:
            return [generator.load(parlour.url, create, CONNECTIONS, pace.seconds) for _ in range(rounds)]

        idle = loads(1)
        with backlog.few_due():
            backlog.rate(1)
            few_rate, with_few = backlog.rate(COUNT_SECONDS), loads()
        backlog.fill(MANY)
        many_rate, with_many = backlog.rate(COUNT_SECONDS), loads()
    return BacklogResult(few_rate, many_rate, idle, Contrast("create", with_few, with_many))
