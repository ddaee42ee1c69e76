"""Webhooks with many lanes due beside few: deliveries a second, and what somebody else's messages take."""

import time
from dataclasses import dataclass
from pathlib import Path

from bench.operations import ACCOUNT_SID, FORM, Request, ask_json
from bench.subjects import Subject
from parlour.config import Config
from parlour.ground import open_engine

FEW, MANY = 100, 100_000
# Fewer than this are never due while FEW are measured.
LEAST = 50
SECONDS = 3.0
LOOK_SECONDS = 0.005
# Lanes of one transaction: PostgreSQL gives a statement five seconds.
TOGETHER = 5_000

NUMBERS = (
    "WITH RECURSIVE n (n) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT n + 1 FROM n WHERE n < ?) SELECT"
)
# SIDs of the right length: 23 digits here, nine of a number.
ZEROS = "0" * 23
CONVERSATION = f"'CH{ZEROS}' || CAST(n AS TEXT)"
TARGET = f"'WH{ZEROS}' || CAST(100000000 + n % ? AS TEXT)"
LANES = f"""INSERT INTO webhook_lanes (conversation_sid, sid, carrier, next_number, due_at, ready, leased_until)
{NUMBERS} {CONVERSATION}, {TARGET}, {TARGET}, 1, ?, 1, 0 FROM n"""
DELIVERIES = f"""INSERT INTO webhook_deliveries (conversation_sid, sid, account_sid, target_sid, number,
event_type, target_url, method, parameters, status, attempts, date_created, date_updated)
{NUMBERS} {CONVERSATION}, 'WD{ZEROS}' || CAST(n AS TEXT), '{ACCOUNT_SID}', {TARGET}, 0,
'onMessageAdded', ?, 'POST', '{{"EventType":"onMessageAdded"}}', 'pending', '[]', ?, ? FROM n"""


class Backlog:
    """Lanes with one delivery each, for so many targets, put into the database of a server that runs."""

    def __init__(self, database: Path | str, receiver: Subject, targets: int) -> None:
        self._session = open_engine(Config(database=str(database))).open()
        self._receiver, self._targets = receiver, targets
        self._next = 100_000_000
        self._before = self.heard()
        self.put = 0

    def heard(self) -> int:
        """How many deliveries have come in all."""
        return int(ask_json(self._receiver.url, Request("GET", "/heard"))["count"])

    def due(self) -> int:
        return self.put - (self.heard() - self._before)

    def fill(self, lanes: int) -> None:
        for start in range(0, lanes, TOGETHER):
            self._put(min(TOGETHER, lanes - start))

    def _put(self, lanes: int) -> None:
        first, last, now = self._next, self._next + lanes - 1, time.time_ns() // 1_000_000
        url, targets = f"{self._receiver.url}/", self._targets
        self._session.begin()
        self._session.execute(LANES, (first, last, targets, targets, now))
        self._session.execute(DELIVERIES, (first, last, targets, url, now, now))
        self._session.commit()
        self._next += lanes
        self.put += lanes

    def rate_of_few(self) -> float:
        """Deliveries a second while LEAST to FEW lanes are due."""
        self.fill(FEW)
        started, before = time.perf_counter(), self.heard()
        while time.perf_counter() < started + SECONDS:
            due = self.due()
            if due < LEAST:
                self.fill(FEW - due)
            time.sleep(LOOK_SECONDS)
        return (self.heard() - before) / (time.perf_counter() - started)

    def rate(self) -> float:
        """Deliveries a second."""
        started, before = time.perf_counter(), self.heard()
        time.sleep(SECONDS)
        return (self.heard() - before) / (time.perf_counter() - started)
