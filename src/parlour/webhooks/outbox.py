"""The outbox: deliveries are rows in lanes, written by the transaction whose change they report."""

from typing import Annotated, ClassVar, Protocol

import msgspec

from parlour.store import Transaction
from parlour.webhooks.targets import DeliveryTarget
from parlour.wire import sids
from parlour.wire.field_options import Hidden
from parlour.wire.field_types import Integer, JsonList, JsonObject, Text, Timestamp, choice
from parlour.wire.resource import Resource

PENDING, DELIVERED, FAILED = STATUSES = ("pending", "delivered", "failed")

REMOVE_IDLE_LANE = "DELETE FROM webhook_lanes WHERE conversation_sid = ? AND sid = ? AND due_at IS NULL"
# Limits of an attempt's values, which come from libraries, targets and adapters.
STATUS_CODES = range(1_000)
MAX_REASON_CHARACTERS = 500


class Lane(Resource, frozen=True):
    """The queue of a conversation's deliveries to one target, whose SID is `sid`: one at a time, in order.

    `due_at` is when the first pending delivery is to be attempted, null when there is none. A worker that has
    claimed the lane holds it until `leased_until`, which `due_at` repeats. Both are in milliseconds since
    1970. `ready` is 1 when the lane can be claimed at once, and 0 when it is empty or waits for `due_at`.
    `carrier` is the throttle key: few lanes with the same one are served at a time. The field has the name of
    its column, which is older than the term.
    """

    table: ClassVar = "webhook_lanes"
    locked: ClassVar = True
    key: ClassVar = ("conversation_sid", "sid")

    sid: str
    conversation_sid: str
    next_number: int = 0
    due_at: int | None = None
    leased_until: int = 0
    carrier: str = ""
    ready: int = 0


class WebhookDelivery(Resource, frozen=True):
    """The delivery of one event to one target: its parameters, its status and its attempts."""

    table: ClassVar = "webhook_deliveries"
    key: ClassVar = ("conversation_sid", "sid")
    # Not its conversation: a delivery that reports its deletion outlives it.
    owners: ClassVar = {"accounts": "account_sid"}

    sid: Annotated[str, sids.sid("WD")]
    account_sid: sids.Account
    conversation_sid: sids.Conversation
    target_sid: Text
    number: Hidden[Integer]
    event_type: Text
    target_url: Text
    method: Text
    parameters: JsonObject
    status: Annotated[str, choice(*STATUSES)]
    attempts: JsonList
    date_created: Timestamp
    date_updated: Timestamp


# The range of a BIGINT column.
Milliseconds = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Attempt(msgspec.Struct, frozen=True):
    """One attempt: when it began (milliseconds since 1970), how long it took, the status or the error."""

    at: Milliseconds
    milliseconds: Milliseconds
    status_code: int | None = None
    error: str | None = None

    def storable(self) -> "Attempt":
        """Return the attempt without values that cannot be stored, whatever an adapter or a target gave."""
        code, error = self.status_code, self.error
        known = type(code) is int and code in STATUS_CODES
        return Attempt(
            self.at,
            self.milliseconds,
            code if known else None,
            None if error is None else shortened(str(error)),
        )


def shortened(reason: str) -> str:
    """Return a reason that can be stored: of bounded length, without NUL and lone surrogates."""
    return reason[:MAX_REASON_CHARACTERS].replace("\0", " ").encode(errors="replace").decode()


attempts_in = msgspec.json.Decoder(list[Attempt]).decode
parameters_in = msgspec.json.Decoder(dict[str, str]).decode


def idempotency_token(sid: str) -> str:
    """Return a UUID made of a SID's digits, which is the same in every attempt."""
    digits = sid[-32:].lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class EventConversation(Protocol):
    """The conversation that an event belongs to, as far as deliveries need it."""

    @property
    def sid(self) -> str: ...
    @property
    def account_sid(self) -> str: ...
    @property
    def chat_service_sid(self) -> str: ...
    @property
    def messaging_service_sid(self) -> str | None: ...


def enqueue(
    tx: Transaction,
    conversation: EventConversation,
    target: DeliveryTarget,
    event: str,
    parameters: str,
) -> None:
    """Insert a delivery at the end of its lane; `parameters` is a JSON object of texts."""
    tx.insert(
        WebhookDelivery(
            sid=tx.new_sid("WD"),
            account_sid=conversation.account_sid,
            conversation_sid=conversation.sid,
            target_sid=target.sid,
            number=take_number(tx, conversation.sid, target),
            event_type=event,
            target_url=target.url,
            method=target.method,
            parameters=parameters,
            status=PENDING,
            attempts="[]",
            date_created=tx.now,
            date_updated=tx.now,
        )
    )


def remove_idle_lane(tx: Transaction, conversation_sid: str, target_sid: str) -> None:
    """Remove the lane to a deleted target if it is empty; otherwise it is removed once it has become so."""
    tx.execute(REMOVE_IDLE_LANE, conversation_sid, target_sid)


def take_number(tx: Transaction, conversation_sid: str, target: DeliveryTarget) -> int:
    """Return the number of the next delivery in a lane, and make the lane ready if it was empty."""
    lane = tx.find(Lane, conversation_sid=conversation_sid, sid=target.sid)
    if lane is None:
        lane = Lane(sid=target.sid, conversation_sid=conversation_sid, carrier=target.throttle_key)
        tx.insert(msgspec.structs.replace(lane, next_number=1, due_at=tx.now, ready=1))
        return 0
    due = {"due_at": tx.now, "ready": 1} if lane.due_at is None else {}
    tx.update(lane, next_number=lane.next_number + 1, **due)
    return lane.next_number
