"""What a worker reads of a lane that it has claimed, and the transaction that records what came of it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from parlour.store import Transaction
from parlour.store.credentials import Account
from parlour.store.statements import CONVERSATION_EXISTS, quoted
from parlour.webhooks.claims import LEASE_MILLISECONDS, Way
from parlour.webhooks.outbox import FAILED, PENDING, Attempt, Lane, WebhookDelivery, attempts_in

UNSTORABLE = "what came of it could not be stored"

FOLLOWING = f"""SELECT {quoted(WebhookDelivery.__struct_fields__)} FROM webhook_deliveries
WHERE conversation_sid = ? AND target_sid = ? AND status = 'pending' ORDER BY number LIMIT ?"""
# The status is compared twice: what is sent once more meanwhile is pending again, and stays.
REMOVE_SETTLED = """DELETE FROM webhook_deliveries WHERE (conversation_sid, sid) IN (
SELECT conversation_sid, sid FROM webhook_deliveries
WHERE status <> 'pending' AND date_updated >= ? AND date_updated < ?
ORDER BY date_updated LIMIT ?) AND status <> 'pending' RETURNING date_updated"""
# What lanes lead to that can be deleted from its conversation, by the prefix of its SID.
TARGETS = {
    "WH": "SELECT 1 FROM conversation_webhooks WHERE conversation_sid = ? AND sid = ?",
    "MB": "SELECT 1 FROM participants WHERE conversation_sid = ? AND sid = ?",
}

# Writes down what came of a delivery besides its status.
Record = Callable[[Transaction], None]


class Load(NamedTuple):
    """The next deliveries of a claimed lane, in order, and the account in whose name they are made."""

    way: Way
    deliveries: Sequence[WebhookDelivery]
    account: Account


class Outcome(NamedTuple):
    """What came of a try: the status that follows, where PENDING asks for a repetition.

    The first of `records` is done in the transaction that settles the delivery; the next ones say less,
    for the case that the storage refuses what the one before would write.
    """

    delivery: WebhookDelivery
    attempt: Attempt
    status: str
    records: Sequence[Record] = ()

    def simpler(self) -> "Outcome":
        """The same outcome with less to store. The last one holds nothing that somebody else has said."""
        at, milliseconds, status_code, _ = msgspec.structs.astuple(self.attempt)
        kept = status_code if self.records else None
        return Outcome(
            self.delivery, Attempt(at, milliseconds, kept, UNSTORABLE), self.status, self.records[1:]
        )


def next_load(tx: Transaction, way: Way, limit: int) -> Load | None:
    """Read up to `limit` deliveries that a lane has to make next; None if there are none."""
    rows = tx.select(FOLLOWING, way.conversation_sid, way.target_sid, limit)
    deliveries = [WebhookDelivery(*row) for row in rows]
    account = tx.find(Account, sid=deliveries[0].account_sid) if deliveries else None
    return None if account is None else Load(way, deliveries, account)


def settle(
    tx: Transaction, way: Way, outcomes: Sequence[Outcome], delays: Sequence[int], limit: int
) -> Load | None:
    """Record what came of some deliveries; return those that come next, with the lane's lease prolonged.

    `delays` are those before the first, second, … repetition, in milliseconds. Nothing comes next
    while a delivery waits for its repetition, when the lane is empty, or when another worker has it.
    """
    # Nobody may put anything into the lane between the look into it and the word that it is empty.
    tx.lock_conversation(way.conversation_sid)
    lane = tx.find(Lane, conversation_sid=way.conversation_sid, sid=way.target_sid)
    waits = [note(tx, outcome, delays) for outcome in outcomes]
    if lane is None or lane.leased_until != way.leased_until:
        # It was deleted; or the lease ran out, and whoever claimed the lane then goes on with it.
        return None
    if waits and waits[-1] is not None:
        tx.update(lane, ready=0, due_at=tx.now + waits[-1], leased_until=0)
        return None
    load = next_load(tx, way, limit)
    if load is None and is_ended(tx, lane):
        tx.delete(lane)
        return None
    if load is None:
        tx.update(lane, ready=0, due_at=None, leased_until=0)
        return None
    until = tx.now + LEASE_MILLISECONDS
    tx.update(lane, ready=0, due_at=until, leased_until=until)
    return load._replace(way=way._replace(leased_until=until))


def is_ended(tx: Transaction, lane: Lane) -> bool:
    """Whether nothing will ever be put into it: the conversation is deleted, or what it leads to."""
    if not tx.select(CONVERSATION_EXISTS, lane.conversation_sid):
        return True
    target = TARGETS.get(lane.sid[:2])
    return target is not None and not tx.select(target, lane.conversation_sid, lane.sid)


def note(tx: Transaction, outcome: Outcome, delays: Sequence[int]) -> int | None:
    """Record one try; return how long to wait before the next, in milliseconds, if there is to be one."""
    tried = outcome.delivery
    delivery = tx.find(WebhookDelivery, conversation_sid=tried.conversation_sid, sid=tried.sid)
    if delivery is None:
        return None
    attempts = [*attempts_of(delivery), outcome.attempt.storable()]
    again = outcome.status == PENDING and len(attempts) <= len(delays)
    status = FAILED if outcome.status == PENDING and not again else outcome.status
    if delivery.status != PENDING:
        # Another worker that took over the lane was faster: what it has recorded stays.
        status, again = delivery.status, False
    written = msgspec.json.encode(attempts).decode()
    tx.update(delivery, status=status, attempts=written, date_updated=tx.now)
    if outcome.records and status != delivery.status:
        outcome.records[0](tx)
    return delays[len(attempts) - 1] if again else None


def attempts_of(delivery: WebhookDelivery) -> list[Attempt]:
    """The tries so far. What cannot be read, after an import for instance, counts as none."""
    try:
        return attempts_in(delivery.attempts)
    except msgspec.DecodeError:
        return []


def remove_settled(tx: Transaction, since: int, until: int, limit: int) -> list[int]:
    """Delete up to `limit` deliveries settled in this time, the oldest first; return their moments."""
    return [moment for (moment,) in tx.execute(REMOVE_SETTLED, since, until, limit)]
