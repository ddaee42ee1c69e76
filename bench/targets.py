"""The targets that Parlour is to reach, and whether it did."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.load import median
from bench.operations import LABELS, TARGET_CONNECTIONS
from bench.results import (
    CONVERSATIONS,
    FEW,
    MANY,
    BacklogResult,
    Comparison,
    Contrast,
    DeletionResult,
    ExpiryResult,
    Figures,
    PostgreSQLResult,
    ScaleResult,
    UploadResult,
)
from bench.servers import Memory

# Requests a second: as a share of the floor's, and as a multiple of the naive server's.
LEAST = {"create": (0.20, 20), "fetch": (0.50, 25), "list": (0.45, 25)}
AIMED_SHARES = {"create": 0.30}
MOST_P99_BY_P50 = 4
MOST_MEGABYTES = 120
MOST_SECONDS_TO_FIRST_ANSWER = 1.0
# For a server with 1,000 messages.
MOST_MILLISECONDS_OF_A_RESET = 20
MOST_COST_OF_SCALE = 1.3
MOST_COST_OF_WEBHOOK = 1.5
MOST_COST_OF_RECEIPTS = 1.5
# For those who write into another conversation while one with 1,000,000 messages is deleted.
MOST_P99_DURING_DELETION = 3
MOST_COST_OF_UPLOADS = 10
MOST_MEGABYTES_WITH_UPLOADS = 350
# After requests that never end, which anybody can send without credentials.
MOST_MEGABYTES_AFTER_ATTACKS = 150
# More than one, because a message may be delivered to several webhooks.
LEAST_REMOVED_PER_CREATED = 2.0
MOST_P99_DURING_EXPIRY = 3
LEAST_ON_POSTGRESQL = {f"create in {CONVERSATIONS} conversations": 5, "create in one conversation": 3}
LEAST_GAIN_OF_TWO_PROCESSES = 1.5
# With 100,000 lanes due, compared with 100: deliveries a second, and another client's p99.
LEAST_RATE_WITH_BACKLOG = 0.8
MOST_P99_WITH_BACKLOG = 2


@dataclass(frozen=True)
class Verdict:
    """A target and the figure that was measured; None if it was not measured."""

    what: str
    limit: float
    measured: float | None
    at_least: bool = False
    form: str = "{:.2f}"
    aim: float | None = None

    @property
    def met(self) -> bool | None:
        if self.measured is None:
            return None
        return self.measured >= self.limit if self.at_least else self.measured <= self.limit


def judge(figures: Figures) -> list[Verdict]:
    contrasts = figures.contrasts
    return [
        *judge_rows(figures.comparison),
        *judge_process(figures.comparison, figures.scale),
        *judge_scale(figures.scale),
        judge_cost("Create: time with a webhook / without", contrasts["webhook_cost"], MOST_COST_OF_WEBHOOK),
        judge_cost(
            "List 50 (any): time with receipts / without", contrasts["receipts"], MOST_COST_OF_RECEIPTS
        ),
        *judge_deletions(figures.deletions),
        *judge_expiry(contrasts["expiry"]),
        *judge_postgresql(figures.postgresql),
        *judge_uploads(figures.uploads),
        *judge_backlogs(figures.backlogs),
        judge_attacks(figures.attacks),
        Verdict(
            "Reset of a server with 1,000 messages",
            MOST_MILLISECONDS_OF_A_RESET,
            figures.reset_milliseconds,
            form="{:.1f} ms",
        ),
    ]


def judge_cost(what: str, found: Contrast, most: float) -> Verdict:
    return Verdict(what, most, found.cost, form="{:.2f} x")


def judge_deletions(found: Sequence[DeletionResult]) -> Iterator[Verdict]:
    for each in found:
        what = f"{each.engine}: create p99 during a deletion / before"
        yield Verdict(what, MOST_P99_DURING_DELETION, each.cost, form="{:.2f} x")


def judge_uploads(rows: Sequence[UploadResult]) -> Iterator[Verdict]:
    for row in rows:
        what = f"{row.engine}: create p99 with uploads / without"
        yield Verdict(what, MOST_COST_OF_UPLOADS, row.cost, form="{:.1f} x")
        peak = None if row.memory is None else row.memory.peak
        yield Verdict(
            f"{row.engine}: peak memory with uploads", MOST_MEGABYTES_WITH_UPLOADS, peak, form="{:.0f} MB"
        )


def judge_backlogs(backlogs: Mapping[str, BacklogResult]) -> Iterator[Verdict]:
    lanes = f"{MANY:,} lanes due / {FEW}"
    for engine in ("SQLite", "PostgreSQL"):
        found = backlogs.get(engine)
        rate, p99 = (found.rate_ratio, found.p99_ratio) if found else (None, None)
        yield Verdict(
            f"{engine}: deliveries a second with {lanes}",
            LEAST_RATE_WITH_BACKLOG,
            rate,
            at_least=True,
            form="{:.0%}",
        )
        yield Verdict(f"{engine}: create p99 with {lanes}", MOST_P99_WITH_BACKLOG, p99, form="{:.2f} x")


def judge_attacks(attacks: Mapping[str, Memory]) -> Verdict:
    peak = max((memory.peak for memory in attacks.values()), default=None)
    what = "Peak memory after requests that never end"
    return Verdict(what, MOST_MEGABYTES_AFTER_ATTACKS, peak, form="{:.0f} MB")


def judge_expiry(found: Contrast) -> Iterator[Verdict]:
    if isinstance(found, ExpiryResult):
        yield Verdict(
            "Expired deliveries removed / messages created",
            LEAST_REMOVED_PER_CREATED,
            found.removed_per_created,
            at_least=True,
            form="{:.1f} x",
        )
        what = "Create: p99 while deliveries expire / before"
        yield Verdict(what, MOST_P99_DURING_EXPIRY, found.p99_ratio, form="{:.1f} x")


def judge_postgresql(found: PostgreSQLResult | None) -> Iterator[Verdict]:
    factors = {} if found is None else {pair.name: pair.times_naive for pair in found.rows}
    for name, least in LEAST_ON_POSTGRESQL.items():
        what = f"PostgreSQL: {name}, req/s / naive"
        yield Verdict(what, least, factors.get(name), at_least=True, form="{:.1f} x")
    # On few processors, PostgreSQL and the load generator would take what the second process is to gain.
    gain = None if found is None else (found.half_a_core_each or found.two_processes).gain
    yield Verdict(
        "PostgreSQL: req/s of two processes / one",
        LEAST_GAIN_OF_TWO_PROCESSES,
        gain,
        at_least=True,
        form="{:.2f} x",
    )


def judge_rows(comparison: Comparison) -> Iterator[Verdict]:
    for name, (least_share, least_factor) in LEAST.items():
        row = comparison.row(name, TARGET_CONNECTIONS)
        share, factor = (row.of_floor, row.times_naive) if row else (None, None)
        yield Verdict(
            f"{LABELS[name]}: req/s, share of the floor",
            least_share,
            share,
            at_least=True,
            form="{:.0%}",
            aim=AIMED_SHARES.get(name),
        )
        what = f"{LABELS[name]}: req/s / naive"
        yield Verdict(what, least_factor, factor, at_least=True, form="{:.1f} x")
    row = comparison.row("create", TARGET_CONNECTIONS)
    create = None if row is None else median(row.parlour)
    spread = None if create is None else create.p99 / create.p50
    yield Verdict("Create: p99 / p50", MOST_P99_BY_P50, spread, form="{:.1f} x")


def judge_process(comparison: Comparison, scale: ScaleResult | None) -> Iterator[Verdict]:
    memories = [comparison.memory, scale.memory if scale else None]
    peak = max((memory.peak for memory in memories if memory is not None), default=None)
    yield Verdict("Peak memory", MOST_MEGABYTES, peak, form="{:.0f} MB")
    first = comparison.first_answer_seconds
    yield Verdict(
        "Time from the start to the first answer", MOST_SECONDS_TO_FIRST_ANSWER, first, form="{:.2f} s"
    )


def judge_scale(scale: ScaleResult | None) -> Iterator[Verdict]:
    found = {} if scale is None else {row.name: row.cost for row in scale.rows}
    for name in ("create", "fetch any", "list any"):
        what = f"{LABELS[name]}: time with 1,000,000 messages / 1,000"
        yield Verdict(what, MOST_COST_OF_SCALE, found.get(name), form="{:.2f} x")
