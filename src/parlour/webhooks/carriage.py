"""Lanes are claimed, carried and settled: the transactions between which a dispatcher delivers."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from parlour.store import Transaction
from parlour.store.credentials import Account
from parlour.store.statements import CONVERSATION_EXISTS
from parlour.webhooks.outbox import FAILED, PENDING, Attempt, Lane, WebhookDelivery, attempts_in

# Longer than a delivery and a wait for the storage take; then a dead carrier's lane is taken over.
LEASE_MILLISECONDS = 15_000
PURGED_AT_ONCE = 1_000

# The first ones of each carrier, so that the lanes of one do not keep those of others out.
DUE = """SELECT conversation_sid, sid, carrier FROM (
SELECT conversation_sid, sid, carrier, due_at,
ROW_NUMBER() OVER (PARTITION BY carrier ORDER BY due_at) AS place
FROM webhook_lanes WHERE due_at <= ? AND leased_until <= ?) AS due
WHERE place <= ? ORDER BY due_at LIMIT ?"""
FOLLOWING = """SELECT sid FROM webhook_deliveries
WHERE conversation_sid = ? AND target_sid = ? AND status = 'pending' ORDER BY number LIMIT ?"""
PURGE = """DELETE FROM webhook_deliveries WHERE (conversation_sid, sid) IN (SELECT conversation_sid, sid
FROM webhook_deliveries WHERE date_updated < ? AND status <> 'pending' ORDER BY date_updated LIMIT ?)"""
# What lanes lead to that can be deleted from its conversation, by the prefix of its SID.
TARGETS = {
    "WH": "SELECT 1 FROM conversation_webhooks WHERE conversation_sid = ? AND sid = ?",
    "MB": "SELECT 1 FROM participants WHERE conversation_sid = ? AND sid = ?",
}


class Way(NamedTuple):
    """A lane that was claimed."""

    conversation_sid: str
    target_sid: str
    carrier: str


class Load(NamedTuple):
    """The next deliveries of a lane, in order, and the account in whose name they are made."""

    deliveries: Sequence[WebhookDelivery]
    account: Account


class Outcome(NamedTuple):
    """What came of a try: the status that follows, where PENDING asks for a repetition.

    `record` writes down what else came of it, given the status that the delivery has then.
    """

    delivery: WebhookDelivery
    attempt: Attempt
    status: str
    record: Callable[[Transaction, str], None] | None = None


def find_due(tx: Transaction, allowances: Mapping[str, int], of_each: int, limit: int) -> list[Way]:
    """Lanes that are due and that nobody carries, as many of a carrier as it is allowed."""
    left = Counter(allowances)
    found = []
    for row in tx.select(DUE, tx.now, tx.now, of_each, limit + of_each * len(allowances)):
        way = Way(*row)
        if way.carrier in allowances:
            if left[way.carrier] <= 0:
                continue
            left[way.carrier] -= 1
        found.append(way)
    return found[:limit]


def claim(tx: Transaction, allowances: Mapping[str, int], of_each: int, limit: int) -> list[Way]:
    """What is due, leased."""
    claimed = []
    # In an order that all who lock lanes share.
    for way in sorted(find_due(tx, allowances, of_each, limit)):
        lane = tx.find(Lane, conversation_sid=way.conversation_sid, sid=way.target_sid)
        # Somebody else may have claimed it since.
        if lane is not None and lane.leased_until <= tx.now:
            tx.update(lane, leased_until=tx.now + LEASE_MILLISECONDS)
            claimed.append(way)
    return claimed


def settle(
    tx: Transaction, way: Way, outcomes: Sequence[Outcome], delays: Sequence[int], limit: int
) -> Load | None:
    """Write down what came of some deliveries; what is to be delivered next, its lane's lease prolonged.

    `delays` are those before the first, second, … repetition, in milliseconds. Nothing comes next
    while a delivery waits for its repetition, or when the lane is empty.
    """
    # Nobody may put anything into the lane between the look into it and the word that it is empty.
    tx.hold_conversation(way.conversation_sid)
    lane = tx.find(Lane, conversation_sid=way.conversation_sid, sid=way.target_sid)
    waits = [note(tx, outcome, delays) for outcome in outcomes]
    if lane is None:
        return None
    if waits and waits[-1] is not None:
        tx.update(lane, due_at=tx.now + waits[-1], leased_until=0)
        return None
    load = following(tx, way, limit)
    if load is None and is_ended(tx, lane):
        tx.delete(lane)
    elif load is None:
        tx.update(lane, due_at=None, leased_until=0)
    else:
        tx.update(lane, due_at=tx.now, leased_until=tx.now + LEASE_MILLISECONDS)
    return load


def is_ended(tx: Transaction, lane: Lane) -> bool:
    """Whether nothing will ever be put into it: the conversation is deleted, or what it leads to."""
    if not tx.select(CONVERSATION_EXISTS, lane.conversation_sid):
        return True
    target = TARGETS.get(lane.sid[:2])
    return target is not None and not tx.select(target, lane.conversation_sid, lane.sid)


def release(tx: Transaction, way: Way) -> None:
    """Let anybody claim a lane at once."""
    lane = tx.find(Lane, conversation_sid=way.conversation_sid, sid=way.target_sid)
    if lane is not None:
        tx.update(lane, leased_until=0)


def note(tx: Transaction, outcome: Outcome, delays: Sequence[int]) -> int | None:
    """Write down one try; how long to wait before the next, in milliseconds, if there is to be one."""
    tried = outcome.delivery
    delivery = tx.find(WebhookDelivery, conversation_sid=tried.conversation_sid, sid=tried.sid)
    if delivery is None:
        return None
    attempts = [*attempts_in(delivery.attempts), outcome.attempt]
    again = outcome.status == PENDING and len(attempts) <= len(delays)
    status = FAILED if outcome.status == PENDING and not again else outcome.status
    written = msgspec.json.encode(attempts).decode()
    tx.update(delivery, status=status, attempts=written, date_updated=tx.now)
    if outcome.record is not None:
        outcome.record(tx, status)
    return delays[len(attempts) - 1] if again else None


def following(tx: Transaction, way: Way, limit: int) -> Load | None:
    rows = tx.select(FOLLOWING, way.conversation_sid, way.target_sid, limit)
    found = [tx.find(WebhookDelivery, conversation_sid=way.conversation_sid, sid=sid) for (sid,) in rows]
    deliveries = [delivery for delivery in found if delivery is not None]
    account = tx.find(Account, sid=deliveries[0].account_sid) if deliveries else None
    return None if account is None else Load(deliveries, account)


def purge(tx: Transaction, keep_milliseconds: int) -> None:
    """Remove what was settled so long ago, a bounded number at once."""
    tx.execute(PURGE, tx.now - keep_milliseconds, PURGED_AT_ONCE)
