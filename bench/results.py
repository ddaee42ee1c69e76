"""What was measured."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.load import Outcome, median
from bench.subjects import Memory

Rounds = list[Outcome]

# How many conversations a load is spread over.
ROOMS = 100
# Lanes of webhooks that are due at a time.
FEW, MANY = 100, 100_000


@dataclass(frozen=True)
class Row:
    """One request at one number of connections, for each subject."""

    name: str
    connections: int
    parlour: Rounds
    floor: Rounds
    naive: Rounds

    @property
    def of_floor(self) -> float:
        return times(self.parlour, self.floor)

    @property
    def times_naive(self) -> float:
        return times(self.parlour, self.naive)


@dataclass(frozen=True)
class Session:
    """The rows, what Parlour's process held in memory after them, and how soon it answered first."""

    rows: list[Row]
    memory: Memory | None
    first_answer_seconds: float

    def row(self, name: str, connections: int) -> Row | None:
        return next((row for row in self.rows if (row.name, row.connections) == (name, connections)), None)


@dataclass(frozen=True)
class Scale:
    """One request to a small and to a large conversation."""

    name: str
    small: Rounds
    large: Rounds

    @property
    def cost(self) -> float:
        """How many times as long a request to the large one takes."""
        return times(self.small, self.large)


@dataclass(frozen=True)
class Deletion:
    """Messages in one conversation, before and while another is deleted that has many."""

    engine: str
    before: Rounds
    during: Rounds

    @property
    def cost(self) -> float:
        """How many times as long 99 % of the requests take at most."""
        return median(self.during).p99 / median(self.before).p99


@dataclass(frozen=True)
class Uploads:
    """A bystander's requests, alone and beside uploads, and the memory of the process that took these."""

    engine: str
    alone: Rounds
    beside: Rounds
    memory: Memory | None

    @property
    def cost(self) -> float:
        """How many times as long the slowest hundredth of the requests takes."""
        return median(self.beside).p99 / median(self.alone).p99


@dataclass(frozen=True)
class Expiry(Scale):
    """Creates without and with deliveries that expire, and how many of these were removed a second."""

    removed_per_second: list[float]

    @property
    def removed_by_created(self) -> float:
        return statistics.median(self.removed_per_second) / median(self.large).per_second

    @property
    def p99_by_before(self) -> float:
        return median(self.large).p99 / median(self.small).p99


@dataclass(frozen=True)
class Pair:
    """One request, for Parlour and for the naive server."""

    name: str
    parlour: Rounds
    naive: Rounds

    @property
    def times_naive(self) -> float:
        return times(self.parlour, self.naive)


@dataclass(frozen=True)
class Scales:
    """The rows, and the memory of the process that holds the large conversation."""

    rows: list[Scale]
    memory: Memory | None


@dataclass(frozen=True)
class Shares:
    """Which part of all processors each took while two processes answered."""

    parlour: float
    postgresql: float
    generator: float
    others: float


@dataclass(frozen=True)
class Workers:
    """One process beside two, and who took the processors while two answered."""

    row: Scale
    shares: Shares

    @property
    def gain(self) -> float:
        """How many times as many requests two processes answer."""
        return times(self.row.large, self.row.small)


@dataclass(frozen=True)
class OnPostgreSQL:
    """Parlour beside the naive server; one process beside two, as they are and with half a core each."""

    rows: list[Pair]
    workers: Workers
    halved: Workers | None


@dataclass(frozen=True)
class Backlogged:
    """Deliveries a second with FEW lanes due and with MANY; a bystander's requests, `idle` with none due."""

    few: float
    many: float
    idle: Rounds
    bystander: Scale

    @property
    def share(self) -> float:
        """Which part of the deliveries with few lanes due there still are with many."""
        return self.many / self.few if self.few else 0.0

    @property
    def p99(self) -> float:
        """How many times as long the bystander's slowest requests take with many lanes due as with few."""
        return median(self.bystander.large).p99 / median(self.bystander.small).p99


class Figures(NamedTuple):
    """All that one run of the bench has measured; None or empty where a part was left out."""

    session: Session
    scales: Scales | None
    beside: Mapping[str, Scale]
    deletions: Sequence[Deletion]
    on_postgresql: OnPostgreSQL | None
    uploads: Sequence[Uploads]
    backlogs: Mapping[str, Backlogged]
    attacks: Mapping[str, Memory]
    reset_milliseconds: float


def times(one: Rounds, other: Rounds) -> float:
    return median(one).per_second / median(other).per_second
