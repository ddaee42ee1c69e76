"""Roles as they are stored, and the four that every service has from its beginning."""

import functools
import hashlib
from typing import Annotated, ClassVar

from parlour import errors
from parlour.errors import Problem
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_options import Creatable, Personal, Required, WireName, Writable
from parlour.wire.field_types import Timestamp, choice, choice_list, text, write_list
from parlour.wire.resource import Resource

MAX_NAME_CHARACTERS = 256
SERVICE, CONVERSATION = "service", "conversation"
# Each may be given to a role of either type (contract: rest-of-api.md §11, additions.md D).
PERMISSIONS = (
    "addNonChatParticipant",
    "addParticipant",
    "createConversation",
    "deleteAnyMessage",
    "deleteConversation",
    "deleteOwnMessage",
    "editAnyMessage",
    "editAnyMessageAttributes",
    "editAnyParticipantAttributes",
    "editAnyUserInfo",
    "editConversationAttributes",
    "editConversationName",
    "editNotificationLevel",
    "editOwnMessage",
    "editOwnMessageAttributes",
    "editOwnParticipantAttributes",
    "editOwnUserInfo",
    "joinConversation",
    "leaveConversation",
    "readChannelMetadata",
    "removeParticipant",
    "sendMediaMessage",
    "sendMessage",
)
# The roles that every service has: their names, types and permissions, in the order of `default_role_sid`.
SERVICE_ADMIN, SERVICE_USER, CHANNEL_ADMIN, CHANNEL_USER = range(1, 5)
DEFAULT_ROLES = {
    SERVICE_ADMIN: (
        "service admin",
        SERVICE,
        (
            *("createConversation", "joinConversation", "editAnyUserInfo", "deleteConversation"),
            *("removeParticipant", "editConversationName", "editConversationAttributes", "addParticipant"),
            *("editAnyMessage", "editAnyMessageAttributes", "editAnyParticipantAttributes"),
            "deleteAnyMessage",
        ),
    ),
    SERVICE_USER: (
        "service user",
        SERVICE,
        ("createConversation", "joinConversation", "editOwnUserInfo"),
    ),
    CHANNEL_ADMIN: (
        "channel admin",
        CONVERSATION,
        (
            *("deleteConversation", "removeParticipant", "editConversationName"),
            *("editConversationAttributes", "addParticipant", "sendMessage", "sendMediaMessage"),
            *("leaveConversation", "editAnyMessage", "editAnyMessageAttributes"),
            *("editAnyParticipantAttributes", "deleteAnyMessage", "editNotificationLevel"),
        ),
    ),
    CHANNEL_USER: (
        "channel user",
        CONVERSATION,
        (
            *("sendMessage", "sendMediaMessage", "leaveConversation", "editNotificationLevel"),
            *("editOwnParticipantAttributes", "editOwnMessage", "editOwnMessageAttributes"),
            "deleteOwnMessage",
        ),
    ),
}
WITHOUT_ROLES = """SELECT sid FROM services WHERE date_deleted IS NULL
AND NOT EXISTS (SELECT 1 FROM roles WHERE roles.chat_service_sid = services.sid)"""
ADD = """INSERT INTO roles
(sid, friendly_name, type, permissions, account_sid, chat_service_sid, date_created, date_updated)
SELECT ?, ?, ?, ?, account_sid, sid, date_created, date_created
FROM services WHERE sid = ? AND date_deleted IS NULL ON CONFLICT (sid) DO NOTHING"""

RoleName = Annotated[str, text(MAX_NAME_CHARACTERS, errors.FRIENDLY_NAME_TOO_LONG)]
RoleType = Annotated[str, choice(SERVICE, CONVERSATION, invalid=errors.INVALID_ROLE_TYPE)]
Permissions = Annotated[str, choice_list(PERMISSIONS, errors.PERMISSION_NOT_FOUND), WireName("Permission")]


class Role(Resource, frozen=True):
    table: ClassVar = "roles"
    owners: ClassVar = {"services": "chat_service_sid"}

    sid: sids.Role
    account_sid: sids.Account
    chat_service_sid: sids.Service
    friendly_name: Personal[Required[Creatable[RoleName]]]
    type: Required[Creatable[RoleType]]
    permissions: Required[Writable[Permissions]]
    date_created: Timestamp
    date_updated: Timestamp


@functools.lru_cache(maxsize=1_024)
def default_role_sid(service_sid: str, number: int) -> str:
    """Return the SID of a service's default role; `number` is a key of DEFAULT_ROLES.

    It is computed from the service's SID. So a role is known for rows of an earlier version, and for services
    that one has made.
    """
    digest = hashlib.blake2b(f"{service_sid} {number}".encode(), digest_size=16)
    return f"RL{digest.hexdigest()}"


def add_default_roles(tx: Transaction, service_sid: str) -> None:
    """Add the four roles of a service, unless another process has added them meanwhile."""
    for number, (name, kind, permissions) in DEFAULT_ROLES.items():
        role = (default_role_sid(service_sid, number), name, kind, write_list(permissions))
        tx.execute(ADD, *role, service_sid)


def complete_services(tx: Transaction) -> None:
    """Add the default roles of services without any: an earlier version made them, or a reset left them."""
    for (sid,) in tx.select(WITHOUT_ROLES):
        add_default_roles(tx, sid)


def ensure_role(tx: Transaction, sid: str, kind: str, missing: Problem) -> None:
    """Raise `missing` if the service has no role of this SID, and 400/50105 if it is of another type."""
    role = tx.find(Role, sid=sid)
    if role is None:
        raise missing()
    if role.type != kind:
        raise errors.INVALID_ROLE_TYPE()
