"""The outbox: deliveries are rows, written by the transaction that they report on, in lanes with an order."""

from typing import Annotated, ClassVar, NamedTuple, Protocol

import msgspec

from parlour.store import Transaction
from parlour.webhooks.events import parameters_of
from parlour.webhooks.targets import Target, post_targets
from parlour.wire import sids
from parlour.wire.kinds import Integer, JsonList, JsonObject, Text, Timestamp, choice
from parlour.wire.marks import Hidden
from parlour.wire.resource import Resource

PENDING, DELIVERED, FAILED = STATUSES = ("pending", "delivered", "failed")

LEAVE = "DELETE FROM webhook_lanes WHERE conversation_sid = ? AND sid = ? AND due_at IS NULL"
# What an attempt may hold of an answer; reasons come from libraries, targets and adapters.
STATUS_CODES = range(1_000)
MAX_REASON_CHARACTERS = 500

# Told whether or not the request asked for it (contract: messages.md §7.1).
ALWAYS_TOLD = frozenset({"onDeliveryUpdated"})


class Lane(Resource, frozen=True):
    """The way from a conversation to one target, whose SID is `sid`: one delivery at a time, in order.

    `due_at` is when its first pending delivery is to be tried, null when there is none; a worker that
    claimed the lane holds it until `leased_until`, which `due_at` repeats. Both are in milliseconds
    since 1970. `ready` is 1 when the lane can be claimed at once, and 0 when it is empty or waits for
    `due_at`. At most so many lanes with the same `carrier` are served at a time.
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
    """One event on its way to one target, or what became of it."""

    table: ClassVar = "webhook_deliveries"
    key: ClassVar = ("conversation_sid", "sid")
    # Not its conversation, of whose end it tells.
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


# What fits into a column, and into JSON.
Milliseconds = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Attempt(msgspec.Struct, frozen=True):
    """One try: when it began (milliseconds since 1970), how long it took, and what came of it."""

    at: Milliseconds
    milliseconds: Milliseconds
    status_code: int | None = None
    error: str | None = None

    def storable(self) -> "Attempt":
        """The same, whatever an adapter or a target has put into it, in a form that can be stored."""
        code, error = self.status_code, self.error
        known = type(code) is int and code in STATUS_CODES
        return Attempt(
            self.at,
            self.milliseconds,
            code if known else None,
            None if error is None else shortened(str(error)),
        )


def shortened(reason: str) -> str:
    """A reason for an attempt's `error`: bounded, and without characters that cannot be stored."""
    return reason[:MAX_REASON_CHARACTERS].replace("\0", " ").encode(errors="replace").decode()


attempts_in = msgspec.json.Decoder(list[Attempt]).decode
parameters_in = msgspec.json.Decoder(dict[str, str]).decode


def idempotency_token(sid: str) -> str:
    """A UUID that stays the same however often something is tried."""
    digits = sid[-32:].lower()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


class Cause(Protocol):
    """What an event came of: a request that asks for webhooks or not, or Parlour itself."""

    @property
    def fires(self) -> bool: ...
    @property
    def source(self) -> str | None: ...


class Itself(NamedTuple):
    """Something that Parlour does by itself: no request decides whether it is told."""

    fires: bool = True
    source: str | None = None


ITSELF = Itself()


class Room(Protocol):
    """The conversation that an event belongs to."""

    @property
    def sid(self) -> str: ...
    @property
    def account_sid(self) -> str: ...
    @property
    def chat_service_sid(self) -> str: ...
    @property
    def messaging_service_sid(self) -> str | None: ...


def announce(
    tx: Transaction, cause: Cause, event: str, subject: Resource, room: Room, **more: object
) -> None:
    """Write down for each target that listens what has happened; `more` as in `parameters_of`."""
    if not cause.fires and event not in ALWAYS_TOLD:
        return
    targets = list(post_targets(tx, room, event, getattr(subject, "body", None)))
    if targets:
        known = {"ChatServiceSid": room.chat_service_sid, "MessagingServiceSid": room.messaging_service_sid}
        parameters = told(cause, room.account_sid, event, subject, **known | more)
        for target in targets:
            enqueue(tx, room, target, event, parameters)


def told(cause: Cause, account_sid: str, event: str, subject: Resource, **more: object) -> str:
    """The parameters of an event, as a JSON object."""
    common = {"AccountSid": account_sid, "EventType": event}
    source = {} if cause.source is None else {"Source": cause.source}
    return msgspec.json.encode(common | source | parameters_of(event, subject, **more)).decode()


def enqueue(tx: Transaction, room: Room, target: Target, event: str, parameters: str) -> None:
    tx.insert(
        WebhookDelivery(
            sid=tx.new_sid("WD"),
            account_sid=room.account_sid,
            conversation_sid=room.sid,
            target_sid=target.sid,
            number=take_number(tx, room.sid, target),
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


def leave_idle_lane(tx: Transaction, conversation_sid: str, target_sid: str) -> None:
    """Remove the lane to what is deleted, if it is empty; one that is not goes when it has become so."""
    tx.execute(LEAVE, conversation_sid, target_sid)


def take_number(tx: Transaction, conversation_sid: str, target: Target) -> int:
    """Return the next number of a lane. A lane that was empty is ready now."""
    lane = tx.find(Lane, conversation_sid=conversation_sid, sid=target.sid)
    if lane is None:
        lane = Lane(sid=target.sid, conversation_sid=conversation_sid, carrier=target.carrier)
        tx.insert(msgspec.structs.replace(lane, next_number=1, due_at=tx.now, ready=1))
        return 0
    due = {"due_at": tx.now, "ready": 1} if lane.due_at is None else {}
    tx.update(lane, next_number=lane.next_number + 1, **due)
    return lane.next_number
