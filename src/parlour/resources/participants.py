"""Participants of a conversation, each with an identity or with an address on another channel."""

from typing import Annotated, Any, ClassVar

import msgspec

from parlour import errors
from parlour.api.collection import Call, Collection
from parlour.resources import addresses
from parlour.resources.conversations import (
    Conversation,
    find_conversation,
    find_open_conversation,
    touch_activity,
)
from parlour.resources.default_roles import CHANNEL_USER, CONVERSATION, default_role_sid, ensure_role
from parlour.resources.events import emit
from parlour.resources.participant_fields import (
    Address,
    Attributes,
    Identity,
    LastReadIndex,
    LastReadTimestamp,
    ProjectedAddress,
    ProxyAddress,
    RoleSid,
)
from parlour.resources.service_configuration import find_configuration
from parlour.store import Transaction
from parlour.webhooks.outbox import remove_idle_lane
from parlour.wire import sids
from parlour.wire.channels import channel_of
from parlour.wire.field_options import (
    Creatable,
    Hidden,
    InService,
    Personal,
    PersonalData,
    Sensitive,
    Updatable,
    WireName,
    Writable,
)
from parlour.wire.field_types import (
    DateCreated,
    DateUpdated,
)
from parlour.wire.paging import Page
from parlour.wire.resource import Computed, Resource
from parlour.wire.sids import is_participant_sid, is_user_sid

MAX_PARTICIPANTS = 1_000
MAX_NON_CHAT_PARTICIPANTS = 50
# The fields that decide how a participant is reached.
REACHED_BY = frozenset({"identity", "proxy_address", "projected_address"})


class Participant(Resource, frozen=True):
    table: ClassVar = "participants"
    key: ClassVar = ("conversation_sid", "sid")
    part_of: ClassVar = Conversation
    has_name: ClassVar = True
    event_names: ClassVar = {"MessagingBinding.Type": "binding_type"}

    sid: sids.Participant
    account_sid: sids.Account
    chat_service_sid: InService[sids.Service]
    conversation_sid: sids.Conversation
    date_created: Writable[DateCreated]
    date_updated: Writable[DateUpdated]
    identity: Personal[Writable[Identity | None]] = None
    address: Personal[Hidden[Creatable[Annotated[Address | None, WireName("MessagingBinding.Address")]]]] = (
        None
    )
    proxy_address: Personal[
        Hidden[Writable[Annotated[ProxyAddress | None, WireName("MessagingBinding.ProxyAddress")]]]
    ] = None
    projected_address: Personal[
        Hidden[Writable[Annotated[ProjectedAddress | None, WireName("MessagingBinding.ProjectedAddress")]]]
    ] = None
    attributes: Sensitive[Writable[Attributes]] = "{}"
    role_sid: Writable[RoleSid | None] = None
    last_read_message_index: Updatable[LastReadIndex | None] = None
    last_read_timestamp: Updatable[LastReadTimestamp | None] = None

    def __post_init__(self) -> None:
        # Versions without roles left none: it had the role that its service gave then.
        if self.role_sid is None:
            role_sid = default_role_sid(self.chat_service_sid, CHANNEL_USER)
            msgspec.structs.force_setattr(self, "role_sid", role_sid)

    @property
    def binding_type(self) -> str:
        """The channel, as events name it (contract: rest-of-api.md §17.4)."""
        address = self.address or self.projected_address
        return "chat" if address is None else channel_of(address)

    @Computed(type=["object", "null"], **PersonalData("standard").mark)
    def messaging_binding(self) -> dict[str, str] | None:
        return addresses.show_binding(self)


participants = Collection(
    Participant,
    "/Conversations/{ConversationSid}/Participants",
    key="participants",
    parent=find_conversation,
)


@participants.create(before=["onParticipantAdd"])
def create_participant(tx: Transaction, call: Call) -> Participant:
    conversation = find_open_conversation(tx, call)
    participant = Participant(
        sid=tx.new_sid("MB"),
        account_sid=call.account_sid,
        chat_service_sid=conversation.chat_service_sid,
        conversation_sid=conversation.sid,
        **{"date_created": tx.now, "date_updated": tx.now} | with_role(tx, conversation, call.changes),
    )
    ensure_acceptable(tx, conversation, participant)
    addresses.hold_addresses(tx, participant)
    tx.insert(participant)
    count_participant(tx, conversation, participant, +1)
    emit(tx, call, "onParticipantAdded", participant, conversation)
    return participant


@participants.list()
def list_participants(tx: Transaction, call: Call) -> Page[Participant]:
    where = [("conversation_sid", "=", find_conversation(tx, call).sid)]
    return tx.page(Participant, call.paging, where=where, by=("date_created", "sid"))


@participants.fetch()
def fetch_participant(tx: Transaction, call: Call) -> Participant:
    return find_participant(tx, call, find_conversation(tx, call))


@participants.update(before=["onParticipantUpdate"])
def update_participant(tx: Transaction, call: Call) -> Participant:
    conversation = find_open_conversation(tx, call)
    participant = find_participant(tx, call, conversation)
    if not call.changes:
        return participant
    changes = {"date_updated": tx.now, **read_horizon(tx.now, call.changes)} | call.changes
    if "role_sid" in changes:
        ensure_role(tx, changes["role_sid"], CONVERSATION, errors.INVALID_ROLE_SID)
    if changes.keys() & REACHED_BY:
        change_addresses(tx, participant, changes)
    updated = tx.update(participant, **changes)
    recount_bindings(tx, conversation, participant, updated)
    emit(tx, call, "onParticipantUpdated", updated, conversation)
    return updated


@participants.delete(before=["onParticipantRemove"])
def delete_participant(tx: Transaction, call: Call) -> Participant:
    conversation = find_open_conversation(tx, call)
    participant = find_participant(tx, call, conversation)
    tx.delete(participant)
    remove_idle_lane(tx, conversation.sid, participant.sid)
    addresses.release_pairs(tx, participant)
    addresses.hold_group(tx, participant, stays=False)
    count_participant(tx, conversation, participant, -1)
    emit(tx, call, "onParticipantRemoved", participant, conversation, DateRemoved=tx.now)
    return participant


def find_participant(tx: Transaction, call: Call, conversation: Conversation) -> Participant:
    """Return the participant that `{Sid}` names, by SID or identity. Raises 404/20404.

    A SID takes precedence over an identity of the same form (contract: rest-of-api.md §0).
    """
    name = call.path["Sid"]
    for column in ("sid", "identity") if is_participant_sid(name) else ("identity",):
        found = tx.find(Participant, conversation_sid=conversation.sid, **{column: name})
        if found is not None:
            return found
    raise call.not_found()


def find_author(tx: Transaction, conversation: Conversation, author: str) -> str | None:
    """Return the SID of the participant whose identity, address or projected address is `author`."""
    columns = ["identity"] if conversation.participant_count else []
    columns += ["address", "projected_address"] if conversation.binding_count else []
    for column in columns:
        found = tx.find(Participant, conversation_sid=conversation.sid, **{column: author})
        if found is not None:
            return found.sid
    return None


def ensure_acceptable(tx: Transaction, conversation: Conversation, new: Participant) -> None:
    """Raise the error of a participant that cannot be added to the conversation."""
    addresses.ensure_valid(new)
    if new.identity is not None:
        ensure_identity_is_free(tx, conversation.sid, new.identity)
    if conversation.participant_count >= MAX_PARTICIPANTS:
        raise errors.TOO_MANY_PARTICIPANTS()
    if new.identity is None and count_non_chat(tx, conversation.sid) >= MAX_NON_CHAT_PARTICIPANTS:
        raise errors.TOO_MANY_NON_CHAT()
    if conversation.binding_count or new.address is not None:
        addresses.ensure_fits_group(tx, new)


def ensure_identity_is_free(tx: Transaction, conversation_sid: str, identity: str) -> None:
    if is_user_sid(identity):
        raise errors.IDENTITY_LIKE_SID()
    # If it were another participant's SID, no path could name this participant by its identity.
    names = ("sid", "identity") if is_participant_sid(identity) else ("identity",)
    for column in names:
        if tx.find(Participant, conversation_sid=conversation_sid, **{column: identity}) is not None:
            raise errors.PARTICIPANT_EXISTS()


def with_role(tx: Transaction, conversation: Conversation, changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes with a role: the one that was sent, else the one that the service gives."""
    if "role_sid" in changes:
        ensure_role(tx, changes["role_sid"], CONVERSATION, errors.INVALID_ROLE_SID)
        return changes
    configuration = find_configuration(tx, conversation.chat_service_sid)
    return changes | {"role_sid": configuration.default_conversation_role_sid}


def change_addresses(tx: Transaction, participant: Participant, changes: dict[str, Any]) -> None:
    """Have the conversation hold what a participant is reached by after a change.

    Raises the error of a change that is not allowed, or of a participant as it cannot be.
    """
    addresses.ensure_changeable(participant, changes)
    changed = msgspec.structs.replace(participant, **changes)
    addresses.ensure_valid(changed)
    if changed.identity is not None and changed.identity != participant.identity:
        ensure_identity_is_free(tx, participant.conversation_sid, changed.identity)
    addresses.ensure_fits_group(tx, changed)
    addresses.move_addresses(tx, participant, changed)


def read_horizon(now: int, changes: dict[str, Any]) -> dict[str, int | None]:
    """Return the timestamp of a new read horizon: now, or None if the horizon is removed."""
    if "last_read_message_index" not in changes:
        return {}
    return {"last_read_timestamp": None if changes["last_read_message_index"] is None else now}


def count_non_chat(tx: Transaction, conversation_sid: str) -> int:
    sql = "SELECT COUNT(*) FROM participants WHERE conversation_sid = ? AND identity IS NULL"
    count: int = tx.select(sql, conversation_sid)[0][0]
    return count


def count_participant(
    tx: Transaction, conversation: Conversation, participant: Participant, step: int
) -> None:
    counts = {"participant_count": conversation.participant_count + step}
    if participant.address is not None or participant.projected_address is not None:
        counts["binding_count"] = conversation.binding_count + step
    # Joining is activity of the conversation (contract: rest-of-api.md §8), leaving is not.
    if step > 0:
        touch_activity(tx, conversation, **counts)
    else:
        tx.update(conversation, **counts)


def recount_bindings(tx: Transaction, conversation: Conversation, old: Participant, new: Participant) -> None:
    step = int(new.projected_address is not None) - int(old.projected_address is not None)
    if step:
        tx.update(conversation, binding_count=conversation.binding_count + step)
