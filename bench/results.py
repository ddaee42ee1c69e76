"""The results of measurements."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bench.load import LoadResult, median
from bench.servers import Memory

Rounds = list[LoadResult]

# Conversations that a load on PostgreSQL is spread over.
CONVERSATIONS = 100
# Lanes of webhooks that are due at a time, with a small and with a large backlog.
FEW, MANY = 100, 100_000


@dataclass(frozen=True)
class Row:
    """One request at one number of connections, for each server."""

    name: str
    connections: int
    parlour: Rounds
    floor: Rounds
    naive: Rounds

    @property
    def of_floor(self) -> float:
        return speed_ratio(self.parlour, self.floor)

    @property
    def times_naive(self) -> float:
        return speed_ratio(self.parlour, self.naive)


@dataclass(frozen=True)
class Comparison:
    """The rows of the main table, Parlour's memory after them, and the time until its first answer."""

    rows: list[Row]
    memory: Memory | None
    first_answer_seconds: float

    def row(self, name: str, connections: int) -> Row | None:
        return next((row for row in self.rows if (row.name, row.connections) == (name, connections)), None)


@dataclass(frozen=True)
class Contrast:
    """One request under two conditions: `baseline` and `variant`."""

    name: str
    baseline: Rounds
    variant: Rounds

    @property
    def cost(self) -> float:
        """How many times as long a request takes under the second condition."""
        return speed_ratio(self.baseline, self.variant)


@dataclass(frozen=True)
class DeletionResult:
    """Creating messages before and while another conversation, with many messages, is deleted."""

    engine: str
    before: Rounds
    during: Rounds

    @property
    def cost(self) -> float:
        """The ratio of the 99th percentiles: during the deletion to before it."""
        return median(self.during).p99 / median(self.before).p99


@dataclass(frozen=True)
class UploadResult:
    """Creating messages with and without uploads under way, and the memory of the server that took them."""

    engine: str
    without_uploads: Rounds
    with_uploads: Rounds
    memory: Memory | None

    @property
    def cost(self) -> float:
        """The ratio of the 99th percentiles: with uploads to without."""
        return median(self.with_uploads).p99 / median(self.without_uploads).p99


@dataclass(frozen=True)
class ExpiryResult(Contrast):
    """Creating messages without and with expired deliveries, and how many of these were removed a second."""

    removed_per_second: list[float]

    @property
    def removed_per_created(self) -> float:
        return statistics.median(self.removed_per_second) / median(self.variant).per_second

    @property
    def p99_ratio(self) -> float:
        return median(self.variant).p99 / median(self.baseline).p99


@dataclass(frozen=True)
class ParlourAndNaive:
    """One request to Parlour and to the naive server."""

    name: str
    parlour: Rounds
    naive: Rounds

    @property
    def times_naive(self) -> float:
        return speed_ratio(self.parlour, self.naive)


@dataclass(frozen=True)
class ScaleResult:
    """The rows, and the memory of the server with the large conversation."""

    rows: list[Contrast]
    memory: Memory | None


@dataclass(frozen=True)
class ProcessorShares:
    """The share of the machine's processor time that each used while two processes answered."""

    parlour: float
    postgresql: float
    generator: float
    others: float


@dataclass(frozen=True)
class TwoProcesses:
    """One process compared with two, and the processor shares while two answered."""

    row: Contrast
    shares: ProcessorShares

    @property
    def gain(self) -> float:
        """How many times as many requests as one two processes answer."""
        return speed_ratio(self.row.variant, self.row.baseline)


@dataclass(frozen=True)
class PostgreSQLResult:
    """Parlour and the naive server; one process and two, without a limit and with half a core each."""

    rows: list[ParlourAndNaive]
    two_processes: TwoProcesses
    half_a_core_each: TwoProcesses | None


@dataclass(frozen=True)
class BacklogResult:
    """Deliveries a second with FEW and with MANY lanes due, and another client's requests meanwhile.

    `idle` are its requests while no lane is due.
    """

    few_rate: float
    many_rate: float
    idle: Rounds
    create: Contrast

    @property
    def rate_ratio(self) -> float:
        """The ratio of the deliveries a second: with many lanes due to with few."""
        return self.many_rate / self.few_rate if self.few_rate else 0.0

    @property
    def p99_ratio(self) -> float:
        """The ratio of the 99th percentiles of the other client: with many lanes due to with few."""
        return median(self.create.variant).p99 / median(self.create.baseline).p99


class Figures(NamedTuple):
    """All results of one run; None or empty for parts that were left out."""

    comparison: Comparison
    scale: ScaleResult | None
    contrasts: Mapping[str, Contrast]
    deletions: Sequence[DeletionResult]
    postgresql: PostgreSQLResult | None
    uploads: Sequence[UploadResult]
    backlogs: Mapping[str, BacklogResult]
    attacks: Mapping[str, Memory]
    reset_milliseconds: float


def speed_ratio(one: Rounds, other: Rounds) -> float:
    """Return how many times as many requests a second the first one answered."""
    return median(one).per_second / median(other).per_second
