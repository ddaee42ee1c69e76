"""The configuration of a service: the roles that its users and participants get, and reachability."""

from typing import Annotated, ClassVar

import msgspec

from parlour import errors
from parlour.api.collection import IN_SERVICE, Call, Singleton
from parlour.resources.default_roles import (
    CHANNEL_ADMIN,
    CHANNEL_USER,
    CONVERSATION,
    SERVICE,
    SERVICE_USER,
    default_role_sid,
    ensure_role,
)
from parlour.resources.services import find_service, lock_service
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_options import Hidden, Writable
from parlour.wire.field_types import Flag
from parlour.wire.resource import Resource

CreatorRoleSid = Annotated[str, sids.sid("RL", invalid=errors.CREATOR_ROLE_NOT_FOUND)]
ConversationRoleSid = Annotated[str, sids.sid("RL", invalid=errors.INVALID_ROLE_SID)]
ServiceRoleSid = Annotated[str, sids.sid("RL", invalid=errors.SERVICE_ROLE_NOT_FOUND)]
# For each role of the configuration: the type that it must have, and the error if there is none.
ROLES = {
    "default_conversation_creator_role_sid": (CONVERSATION, errors.CREATOR_ROLE_NOT_FOUND),
    "default_conversation_role_sid": (CONVERSATION, errors.INVALID_ROLE_SID),
    "default_chat_service_role_sid": (SERVICE, errors.SERVICE_ROLE_NOT_FOUND),
}


class ServiceConfiguration(Resource, frozen=True):
    """A service's configuration; `sid` is the service's. Without a row, the defaults apply."""

    table: ClassVar = "service_configurations"
    owners: ClassVar = {"services": "chat_service_sid"}
    link_names: ClassVar = {"notifications": "Notifications", "webhooks": "Webhooks"}

    sid: Hidden[sids.Service]
    chat_service_sid: sids.Service
    default_conversation_creator_role_sid: Writable[CreatorRoleSid]
    default_conversation_role_sid: Writable[ConversationRoleSid]
    default_chat_service_role_sid: Writable[ServiceRoleSid]
    reachability_enabled: Writable[Flag] = 0

    def role_sids(self) -> set[str]:
        return {getattr(self, name) for name in ROLES}


service_configuration = Singleton(
    ServiceConfiguration, "/Configuration", key="configuration", parent=find_service, prefixes=(IN_SERVICE,)
)


@service_configuration.fetch()
def fetch_service_configuration(tx: Transaction, call: Call) -> ServiceConfiguration:
    return find_configuration(tx, call.service_sid)


@service_configuration.update()
def update_service_configuration(tx: Transaction, call: Call) -> ServiceConfiguration:
    roles = {name: sid for name, sid in call.changes.items() if name in ROLES}
    if roles:
        # Another process may delete them now.
        lock_service(tx, call.service_sid)
    for name, sid in roles.items():
        ensure_role(tx, sid, *ROLES[name])
    stored = tx.find(ServiceConfiguration, sid=call.service_sid)
    if stored is not None:
        return tx.update(stored, **call.changes)
    return tx.insert(msgspec.structs.replace(find_configuration(tx, call.service_sid), **call.changes))


def find_configuration(tx: Transaction, service_sid: str) -> ServiceConfiguration:
    """Return the configuration of a service: as it was set, else the default one."""
    return tx.find(ServiceConfiguration, sid=service_sid) or ServiceConfiguration(
        sid=service_sid,
        chat_service_sid=service_sid,
        default_conversation_creator_role_sid=default_role_sid(service_sid, CHANNEL_ADMIN),
        default_conversation_role_sid=default_role_sid(service_sid, CHANNEL_USER),
        default_chat_service_role_sid=default_role_sid(service_sid, SERVICE_USER),
    )
