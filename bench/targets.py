"""What Parlour is to reach, and whether it did."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.load import median
from bench.operations import TARGET_CONNECTIONS
from bench.results import (
    FEW,
    MANY,
    ROOMS,
    Backlogged,
    Deletion,
    Expiry,
    Figures,
    OnPostgreSQL,
    Scale,
    Scales,
    Session,
    Uploads,
)
from bench.subjects import Memory

# Requests a second: the share of the floor's, and how many times the naive server's.
LEAST = {"create": (0.20, 20), "fetch": (0.50, 25), "list": (0.45, 25)}
AIMED_SHARES = {"create": 0.30}
MOST_P99_BY_P50 = 4
MOST_MEGABYTES = 120
MOST_SECONDS_TO_FIRST_ANSWER = 1.0
# Of a server with 1,000 messages.
MOST_MILLISECONDS_OF_A_RESET = 20
MOST_COST_OF_SCALE = 1.3
MOST_COST_OF_TELLING = 1.5
MOST_COST_OF_RECEIPTS = 1.5
# Of a deletion of 1,000,000 messages, for those who write into another conversation.
MOST_P99_DURING_DELETION = 3
MOST_COST_OF_UPLOADS = 10
MOST_MEGABYTES_WITH_UPLOADS = 350
# Of what anybody can send without credentials.
MOST_MEGABYTES_AFTER_ATTACKS = 150
# Each message that is created may be told to several webhooks.
LEAST_REMOVED_BY_CREATED = 2.0
MOST_P99_DURING_EXPIRY = 3
LEAST_ON_POSTGRESQL = {f"create, {ROOMS} rooms": 5, "create, one room": 3}
LEAST_OF_TWO = 1.5
# With 100,000 lanes due, of what there is with 100: deliveries a second, and a bystander's p99.
LEAST_SHARE_OF_BACKLOG = 0.8
MOST_P99_OF_BACKLOG = 2


@dataclass(frozen=True)
class Verdict:
    """A target and what was measured; None where it was not."""

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
    session, scales, beside, deletions, on_postgresql, uploads, backlogs, attacks, reset = figures
    of_beside = [
        Verdict(what, limit, beside[name].cost, form="{:.2f} x")
        for name, what, limit in (
            ("telling", "create, told by untold", MOST_COST_OF_TELLING),
            ("receipts", "a page, with by without receipts", MOST_COST_OF_RECEIPTS),
        )
    ]
    return [
        *judge_rows(session),
        *judge_process(session, scales),
        *judge_scales(scales),
        *of_beside,
        *judge_deletions(deletions),
        *judge_expiry(beside["expiry"]),
        *judge_postgresql(on_postgresql),
        *judge_uploads(uploads),
        *judge_backlogs(backlogs),
        judge_attacks(attacks),
        Verdict("a reset", MOST_MILLISECONDS_OF_A_RESET, reset, form="{:.1f} ms"),
    ]


def judge_deletions(found: Sequence[Deletion]) -> Iterator[Verdict]:
    for each in found:
        what = f"{each.engine}, create p99, during a deletion by before"
        yield Verdict(what, MOST_P99_DURING_DELETION, each.cost, form="{:.2f} x")


def judge_uploads(rows: Sequence[Uploads]) -> Iterator[Verdict]:
    for row in rows:
        what = f"{row.engine}, beside uploads"
        yield Verdict(f"{what}, p99 by alone", MOST_COST_OF_UPLOADS, row.cost, form="{:.1f} x")
        most = None if row.memory is None else row.memory.most
        yield Verdict(f"{what}, memory", MOST_MEGABYTES_WITH_UPLOADS, most, form="{:.0f} MB")


def judge_backlogs(backlogs: Mapping[str, Backlogged]) -> Iterator[Verdict]:
    for engine in ("SQLite", "PostgreSQL"):
        found = backlogs.get(engine)
        share, p99 = (found.share, found.p99) if found else (None, None)
        yield Verdict(
            f"{engine}, deliveries with {MANY:,} lanes by {FEW}",
            LEAST_SHARE_OF_BACKLOG,
            share,
            at_least=True,
            form="{:.0%}",
        )
        yield Verdict(f"{engine}, a bystander's p99 then", MOST_P99_OF_BACKLOG, p99, form="{:.2f} x")


def judge_attacks(attacks: Mapping[str, Memory]) -> Verdict:
    most = max((memory.most for memory in attacks.values()), default=None)
    return Verdict("memory after attacks", MOST_MEGABYTES_AFTER_ATTACKS, most, form="{:.0f} MB")


def judge_expiry(found: Scale) -> Iterator[Verdict]:
    if isinstance(found, Expiry):
        what = "expired deliveries, removed by created"
        yield Verdict(
            what, LEAST_REMOVED_BY_CREATED, found.removed_by_created, at_least=True, form="{:.1f} x"
        )
        what = "create p99, while deliveries expire by before"
        yield Verdict(what, MOST_P99_DURING_EXPIRY, found.p99_by_before, form="{:.1f} x")


def judge_postgresql(found: OnPostgreSQL | None) -> Iterator[Verdict]:
    factors = {} if found is None else {pair.name: pair.times_naive for pair in found.rows}
    for name, least in LEAST_ON_POSTGRESQL.items():
        what = f"PostgreSQL, {name}, times naive"
        yield Verdict(what, least, factors.get(name), at_least=True, form="{:.1f} x")
    # On few processors, PostgreSQL and the load would take from the second process what it is to gain.
    gain = None if found is None else (found.halved or found.workers).gain
    yield Verdict("PostgreSQL, two processes by one", LEAST_OF_TWO, gain, at_least=True, form="{:.2f} x")


def judge_rows(session: Session) -> Iterator[Verdict]:
    for name, (least_share, least_factor) in LEAST.items():
        row = session.row(name, TARGET_CONNECTIONS)
        share, factor = (row.of_floor, row.times_naive) if row else (None, None)
        yield Verdict(
            f"{name}, of the floor",
            least_share,
            share,
            at_least=True,
            form="{:.0%}",
            aim=AIMED_SHARES.get(name),
        )
        yield Verdict(f"{name}, times naive", least_factor, factor, at_least=True, form="{:.1f} x")
    row = session.row("create", TARGET_CONNECTIONS)
    create = None if row is None else median(row.parlour)
    spread = None if create is None else create.p99 / create.p50
    yield Verdict("create, p99 by p50", MOST_P99_BY_P50, spread, form="{:.1f} x")


def judge_process(session: Session, scales: Scales | None) -> Iterator[Verdict]:
    memories = [session.memory, scales.memory if scales else None]
    most = max((memory.most for memory in memories if memory is not None), default=None)
    yield Verdict("resident memory", MOST_MEGABYTES, most, form="{:.0f} MB")
    yield Verdict(
        "first answer after", MOST_SECONDS_TO_FIRST_ANSWER, session.first_answer_seconds, form="{:.2f} s"
    )


def judge_scales(scales: Scales | None) -> Iterator[Verdict]:
    found = {} if scales is None else {row.name: row.cost for row in scales.rows}
    for name, what in (("create", "create"), ("fetch any", "fetch"), ("list any", "a page from the middle")):
        measured = found.get(name)
        yield Verdict(f"{what}, of 1,000,000 by 1,000", MOST_COST_OF_SCALE, measured, form="{:.2f} x")
