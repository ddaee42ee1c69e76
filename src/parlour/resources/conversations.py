"""Conversations: each has participants and messages."""

from typing import Annotated, Any, ClassVar

from parlour import errors
from parlour.api.collection import Call, Collection
from parlour.resources.accounts import find_callers_account
from parlour.resources.deletions import RELEASE_ADDRESSES, delete_in_steps
from parlour.resources.events import emit
from parlour.resources.services import find_service
from parlour.resources.timers import (
    CLOSED_TIMER,
    INACTIVE_TIMER,
    ClosedAfter,
    InactiveAfter,
    as_milliseconds,
    expiring_timers,
    next_expiry,
    restarted_timers,
    show_timers,
    updated_timers,
)
from parlour.resources.unique_names import (
    ConversationName,
    UniqueName,
    free_unique_name,
    take_unique_name,
    without_empty_name,
)
from parlour.store import Transaction
from parlour.webhooks.events import SYSTEM_SOURCE, EventSource
from parlour.wire import sids
from parlour.wire.channels import is_e_mail_address
from parlour.wire.field_options import Hidden, Personal, Sensitive, WireName, Writable
from parlour.wire.field_types import (
    DateCreated,
    DateUpdated,
    FieldType,
    FriendlyName,
    Integer,
    Text,
    Timestamp,
    choice,
    date_bound,
    json_text,
)
from parlour.wire.paging import Page
from parlour.wire.resource import Computed, Resource
from parlour.wire.sids import is_conversation_sid

STATES = ("active", "inactive", "closed")
# No conversation is ever initializing here, so that this filter finds none.
FILTERED_STATES = (*STATES, "initializing")


def read_e_mail_address(raw: str) -> str:
    if raw and not is_e_mail_address(raw):
        raise ValueError("must be an e-mail address, like support@example.org")
    return raw


Attributes = Annotated[str, json_text(max_bytes=16_384)]
EmailAddress = Annotated[str, FieldType(read_e_mail_address, {"type": "string"})]
MessagingServiceSid = Annotated[str, sids.sid("MG", invalid=errors.INVALID_MESSAGING_SERVICE_SID)]
State = Annotated[str, choice(*STATES, invalid=errors.INVALID_STATE, empty=errors.STATE_EMPTY)]


class Conversation(Resource, frozen=True):
    table: ClassVar = "conversations"
    versioned: ClassVar = True
    locked: ClassVar = True
    tombstone: ClassVar = True
    owners: ClassVar = {"services": "chat_service_sid"}
    has_name: ClassVar = True
    link_names: ClassVar = {"participants": "Participants", "messages": "Messages", "webhooks": "Webhooks"}

    sid: sids.Conversation
    account_sid: sids.Account
    chat_service_sid: sids.Service
    date_created: Writable[DateCreated]
    date_updated: Writable[DateUpdated]
    messaging_service_sid: Writable[MessagingServiceSid | None] = None
    friendly_name: Personal[Writable[FriendlyName | None]] = None
    unique_name: Personal[Writable[UniqueName | None]] = None
    attributes: Sensitive[Writable[Attributes]] = "{}"
    state: Writable[State] = "active"
    inactive_after: Hidden[Writable[Annotated[InactiveAfter | None, WireName("Timers.Inactive")]]] = None
    closed_after: Hidden[Writable[Annotated[ClosedAfter | None, WireName("Timers.Closed")]]] = None
    date_inactive: Hidden[Timestamp | None] = None
    date_closed: Hidden[Timestamp | None] = None
    email_address: Hidden[Writable[Annotated[EmailAddress | None, WireName("Bindings.Email.Address")]]] = None
    email_name: Hidden[Writable[Annotated[Text | None, WireName("Bindings.Email.Name")]]] = None
    # The counter is stored, so that the index of a deleted message is never given again.
    next_message_index: Hidden[Integer] = 0
    participant_count: Hidden[Integer] = 0
    binding_count: Hidden[Integer] = 0
    version: Hidden[Integer] = 0
    date_deleted: Hidden[Timestamp | None] = None

    @Computed(type="object")
    def timers(self) -> dict[str, str]:
        return show_timers(self.date_inactive, self.date_closed)

    @Computed(type="object")
    def bindings(self) -> dict[str, Any]:
        if self.email_address is None and self.email_name is None:
            return {}
        return {"email": {"projected_address": self.email_address, "name": self.email_name}}


conversations = Collection(Conversation, "/Conversations", key="conversations", parent=find_service)


@conversations.create(before=["onConversationAdd"])
def create_conversation(tx: Transaction, call: Call) -> Conversation:
    changes = with_account_defaults(tx, call, without_empty_name(call.changes))
    if changes.get("state") == "closed":
        raise errors.INITIAL_STATE_CLOSED()
    sid = tx.new_sid("CH")
    take_unique_name(tx, call.service_sid, sid, changes)
    moments = {"date_created": tx.now, "date_updated": tx.now, **restarted_timers(tx.now, changes)}
    conversation = tx.insert(
        Conversation(
            sid=sid,
            account_sid=call.account_sid,
            chat_service_sid=call.service_sid,
            **moments | changes,
        )
    )
    emit(tx, call, "onConversationAdded", conversation, conversation)
    return conversation


@conversations.list(
    filters={
        "StartDate": date_bound(last=False),
        "EndDate": date_bound(last=True),
        "State": choice(*FILTERED_STATES, invalid=errors.INVALID_STATE),
    }
)
def list_conversations(tx: Transaction, call: Call) -> Page[Conversation]:
    """Newest first; both dates are inclusive (contract: rest-of-api.md §7)."""
    asked = call.paging.filters
    if "StartDate" in asked and asked.get("EndDate", asked["StartDate"]) < asked["StartDate"]:
        raise errors.END_BEFORE_START()
    columns = {
        "State": ("state", "="),
        "StartDate": ("date_created", ">="),
        "EndDate": ("date_created", "<="),
    }
    where = [("chat_service_sid", "=", call.service_sid)]
    where += [(*columns[name], value) for name, value in asked.items()]
    return tx.page(Conversation, call.paging, where=where, by=("date_created", "sid"), descending=True)


@conversations.fetch()
def fetch_conversation(tx: Transaction, call: Call) -> Conversation:
    return find_by_sid_or_name(tx, call, call.path["Sid"])


@conversations.update(before=["onConversationUpdate"])
def update_conversation(tx: Transaction, call: Call) -> Conversation:
    conversation = ensure_open(tx, fetch_conversation(tx, call))
    changes = without_empty_name(call.changes)
    if not changes:
        return conversation
    if changes.get("unique_name", conversation.unique_name) != conversation.unique_name:
        take_unique_name(tx, call.service_sid, conversation.sid, changes)
        free_unique_name(tx, conversation.chat_service_sid, conversation.unique_name)
    if changes.get("state") == "closed":
        release_addresses(tx, conversation)
    changes = {"date_updated": tx.now, **updated_timers(tx.now, conversation, changes)} | changes
    updated = tx.update(conversation, **changes)
    emit(tx, call, "onConversationUpdated", updated, updated)
    emit_state(tx, call, conversation, updated, "API")
    return updated


@conversations.delete(before=["onConversationRemove"])
def delete_conversation(tx: Transaction, call: Call) -> Conversation:
    conversation = fetch_conversation(tx, call)
    # Before the deletion, while the conversation's own webhooks exist.
    emit(tx, call, "onConversationRemoved", conversation, conversation, DateRemoved=tx.now)
    free_unique_name(tx, conversation.chat_service_sid, conversation.unique_name)
    release_addresses(tx, conversation)
    # Closed, because the previous version of the program knows no tombstones: it must not write into it.
    delete_in_steps(tx, conversation, state="closed", unique_name=None)
    return conversation


def find_conversation(tx: Transaction, call: Call) -> Conversation:
    """Return the conversation that `{ConversationSid}` names, by SID or unique name. Raises 404/20404."""
    return find_by_sid_or_name(tx, call, call.path["ConversationSid"])


def find_open_conversation(tx: Transaction, call: Call) -> Conversation:
    """As `find_conversation`, for a write. Raises 400/50377 if the conversation is closed."""
    return ensure_open(tx, find_conversation(tx, call))


def find_by_sid_or_name(tx: Transaction, call: Call, sid_or_name: str) -> Conversation:
    sid: str | None = sid_or_name
    if not is_conversation_sid(sid_or_name):
        named = tx.find(ConversationName, chat_service_sid=call.service_sid, unique_name=sid_or_name)
        sid = None if named is None else named.sid
    found = None if sid is None else tx.find(Conversation, sid=sid)
    if found is None:
        raise call.not_found()
    return found


def ensure_open(tx: Transaction, conversation: Conversation) -> Conversation:
    """Return the conversation in the state that its timers have given it by now.

    Raises 400/50377 if it is closed. Timers that are due may not have run yet: the worker runs them in small
    steps.
    """
    closes = conversation.date_closed
    if conversation.state == "closed" or (closes is not None and closes <= tx.now):
        raise errors.CONVERSATION_CLOSED()
    return expire_timers(tx, conversation, tx.now)


def with_account_defaults(tx: Transaction, call: Call, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes with what the account has configured for new conversations that say nothing else."""
    account = find_callers_account(tx, call)
    defaults = {
        "messaging_service_sid": account.default_messaging_service_sid,
        "inactive_after": as_milliseconds(INACTIVE_TIMER, account.default_inactive_timer),
        "closed_after": as_milliseconds(CLOSED_TIMER, account.default_closed_timer),
    }
    return {name: value for name, value in defaults.items() if value is not None} | changes


def touch_activity(tx: Transaction, conversation: Conversation, **changes: Any) -> None:
    """Update a conversation because of activity: it becomes active, and its timers restart."""
    if conversation.inactive_after is not None or conversation.closed_after is not None:
        changes |= expiring_timers(tx.now, conversation.inactive_after, conversation.closed_after)
    if conversation.state != "active":
        changes["state"] = "active"
    updated = tx.update(conversation, **changes)
    emit_state(tx, SYSTEM_SOURCE, conversation, updated, "EVENT")


def expire_timers(tx: Transaction, conversation: Conversation, until: int) -> Conversation:
    """Make the changes of state of the timers that were due by `until`, in their order."""
    while (expiry := next_expiry(until, conversation)) is not None:
        if expiry.state == "closed":
            release_addresses(tx, conversation)
        expired = tx.update(conversation, **expiry.changes)
        emit_state(tx, SYSTEM_SOURCE, conversation, expired, "TIMER", at=expiry.date)
        conversation = expired
    return conversation


def emit_state(
    tx: Transaction,
    source: EventSource,
    old: Conversation,
    new: Conversation,
    reason: str,
    at: int | None = None,
) -> None:
    """Emit onConversationStateUpdated if the state has changed; `at` is the moment, if it is not now."""
    if old.state != new.state:
        moment = tx.now if at is None else at
        states = {"StateUpdated": moment, "StateFrom": old.state, "StateTo": new.state, "Reason": reason}
        emit(tx, source, "onConversationStateUpdated", new, new, **states)


def release_addresses(tx: Transaction, conversation: Conversation) -> None:
    """A closed conversation holds no addresses (contract: rest-of-api.md §7)."""
    tx.execute(RELEASE_ADDRESSES, conversation.account_sid, conversation.sid)
