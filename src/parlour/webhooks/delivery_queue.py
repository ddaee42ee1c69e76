"""The deliveries of a claimed lane: load those that come next, settle those that were attempted."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from parlour.store import Transaction
from parlour.store.statements import CONVERSATION_EXISTS, quoted
from parlour.webhooks.lanes import LEASE_MILLISECONDS, ClaimedLane, lock_claimed
from parlour.webhooks.outbox import (
    FAILED,
    PENDING,
    Attempt,
    Lane,
    WebhookDelivery,
    attempts_in,
    parameters_in,
)

NOT_STORED = "what came of it could not be stored"

# The token comes last. It is null if the account was deleted.
NEXT_DELIVERIES = f"""SELECT {quoted(WebhookDelivery.__struct_fields__)}, (SELECT sealed_auth_token
FROM accounts WHERE accounts.sid = webhook_deliveries.account_sid AND accounts.date_deleted IS NULL)
FROM webhook_deliveries
WHERE conversation_sid = ? AND target_sid = ? AND status = 'pending' ORDER BY number LIMIT ?"""
# The status is compared twice: a delivery that is sent once more meanwhile is pending again, and stays.
REMOVE_SETTLED = """DELETE FROM webhook_deliveries WHERE (conversation_sid, sid) IN (
SELECT conversation_sid, sid FROM webhook_deliveries
WHERE status <> 'pending' AND date_updated >= ? AND date_updated < ?
ORDER BY date_updated LIMIT ?) AND status <> 'pending' RETURNING date_updated"""
# Targets that can be deleted from a conversation, by the prefix of their SID.
TARGETS = {
    "WH": "SELECT 1 FROM conversation_webhooks WHERE conversation_sid = ? AND sid = ?",
    "MB": "SELECT 1 FROM participants WHERE conversation_sid = ? AND sid = ?",
}

# A write of a transport's own, about what it has sent.
Write = Callable[[Transaction], None]


class PendingDelivery(NamedTuple):
    """A stored delivery that is to be attempted, with its JSON decoded.

    `attempts` counts the attempts so far. Where the stored parameters are not a JSON object of texts, after
    an import for instance, `is_readable` is False and `parameters` are empty.
    """

    row: WebhookDelivery
    parameters: Mapping[str, str]
    attempts: int
    is_readable: bool = True


class Batch(NamedTuple):
    """The next deliveries of a claimed lane, in order, and the sealed auth token that signs them."""

    lane: ClaimedLane
    deliveries: Sequence[PendingDelivery]
    sealed_auth_token: str


class Outcome(NamedTuple):
    """The result of an attempt: the attempt, and the delivery's next status.

    PENDING asks for a repetition. The first of `writes` is done in the transaction that settles the delivery.
    Each of the others stores less than the one before, and is done if the storage refuses that.
    """

    delivery: PendingDelivery
    attempt: Attempt
    status: str
    writes: Sequence[Write] = ()

    def simplified(self) -> "Outcome":
        """The same outcome with less to store. The last one holds no text of a target or an adapter."""
        at, milliseconds, status_code, _ = msgspec.structs.astuple(self.attempt)
        kept = status_code if self.writes else None
        return Outcome(
            self.delivery, Attempt(at, milliseconds, kept, NOT_STORED), self.status, self.writes[1:]
        )


def load(tx: Transaction, lane: ClaimedLane, limit: int) -> Batch | None:
    """Return the first `limit` pending deliveries of a lane, decoded; None if there are none."""
    rows = tx.select(NEXT_DELIVERIES, *lane.key, limit)
    if not rows or rows[0][-1] is None:
        return None
    return Batch(lane, [pending_delivery(WebhookDelivery(*row)) for *row, _ in rows], rows[0][-1])


def pending_delivery(row: WebhookDelivery) -> PendingDelivery:
    """Decode the JSON of a row, here and nowhere else: transports and adapters get the values."""
    attempts = len(attempts_of(row))
    try:
        return PendingDelivery(row, parameters_in(row.parameters), attempts)
    except msgspec.DecodeError:
        return PendingDelivery(row, {}, attempts, is_readable=False)


def attempts_of(row: WebhookDelivery) -> list[Attempt]:
    """Return the attempts so far; none if they cannot be read, after an import for instance."""
    try:
        return attempts_in(row.attempts)
    except msgspec.DecodeError:
        return []


def load_or_close(tx: Transaction, claimed: ClaimedLane, limit: int) -> Batch | None:
    """Load the next batch of a lane and extend its lease, or give the lane up if it is empty.

    Returns None in the second case, and if this worker does not hold the lane any more.
    """
    lane = lock_claimed(tx, claimed)
    return None if lane is None else continue_lane(tx, lane, claimed, limit)


def settle(
    tx: Transaction, claimed: ClaimedLane, outcomes: Sequence[Outcome], delays: Sequence[int], limit: int
) -> Batch | None:
    """Record the outcomes of attempts; then as `load_or_close`, unless the last delivery is to be repeated.

    In that case the lane waits, and None is returned. `delays` are the times before the first, second, …
    repetition, in milliseconds. Outcomes are recorded even if this worker does not hold the lane any more.
    """
    # The conversation is locked first: nobody may add to the lane between the look into it and its closing.
    lane = lock_claimed(tx, claimed)
    waits = [record(tx, outcome, delays) for outcome in outcomes]
    if lane is None:
        return None
    if waits[-1] is not None:
        tx.update(lane, ready=0, due_at=tx.now + waits[-1], leased_until=0)
        return None
    return continue_lane(tx, lane, claimed, limit)


def continue_lane(tx: Transaction, lane: Lane, claimed: ClaimedLane, limit: int) -> Batch | None:
    batch = load(tx, claimed, limit)
    if batch is not None:
        until = tx.now + LEASE_MILLISECONDS
        tx.update(lane, ready=0, due_at=until, leased_until=until)
        return batch._replace(lane=claimed._replace(leased_until=until))
    if is_ended(tx, lane):
        tx.delete(lane)
    else:
        tx.update(lane, ready=0, due_at=None, leased_until=0)
    return None


def is_ended(tx: Transaction, lane: Lane) -> bool:
    """Whether nothing can be added to a lane any more: its conversation or its target was deleted."""
    if not tx.select(CONVERSATION_EXISTS, lane.conversation_sid):
        return True
    target = TARGETS.get(lane.sid[:2])
    return target is not None and not tx.select(target, lane.conversation_sid, lane.sid)


def record(tx: Transaction, outcome: Outcome, delays: Sequence[int]) -> int | None:
    """Record one attempt. Returns the milliseconds until the next one, or None if there is to be none."""
    attempted = outcome.delivery.row
    # As it is now: another worker that took over the lane may have recorded attempts of its own.
    stored = tx.find(WebhookDelivery, conversation_sid=attempted.conversation_sid, sid=attempted.sid)
    if stored is None:
        return None
    attempts = [*attempts_of(stored), outcome.attempt.storable()]
    again = outcome.status == PENDING and len(attempts) <= len(delays)
    status = FAILED if outcome.status == PENDING and not again else outcome.status
    if stored.status != PENDING:
        # That worker was faster: the status that it has recorded stays.
        status, again = stored.status, False
    written = msgspec.json.encode(attempts).decode()
    tx.update(stored, status=status, attempts=written, date_updated=tx.now)
    if outcome.writes and status != stored.status:
        outcome.writes[0](tx)
    return delays[len(attempts) - 1] if again else None


def remove_settled(tx: Transaction, since: int, until: int, limit: int) -> list[int]:
    """Delete up to `limit` deliveries that were settled from `since` and before `until`, the oldest first.

    Both are in milliseconds since 1970. Returns the moments at which they were settled.
    """
    return [moment for (moment,) in tx.execute(REMOVE_SETTLED, since, until, limit)]
