"""Services: each holds conversations of an account; every account has a default one."""

from typing import Annotated, ClassVar

from parlour import errors
from parlour.api.collection import ALONE, Call, Collection
from parlour.resources.accounts import find_callers_account, lock_account
from parlour.resources.default_roles import add_default_roles
from parlour.resources.deletions import delete_in_steps
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_options import Creatable, Hidden, Personal, Required
from parlour.wire.field_types import Timestamp, text
from parlour.wire.paging import Page
from parlour.wire.resource import Resource

# Holds up other transactions that would lock the service, and nobody else.
LOCK = "UPDATE services SET date_updated = date_updated WHERE sid = ?"

ServiceName = Annotated[
    str,
    text(256, too_long=errors.FRIENDLY_NAME_TOO_LONG, empty=errors.FRIENDLY_NAME_NOT_PROVIDED),
]


class Service(Resource, frozen=True):
    table: ClassVar = "services"
    tombstone: ClassVar = True
    link_names: ClassVar = {
        "conversations": "Conversations",
        "users": "Users",
        "roles": "Roles",
        "bindings": "Bindings",
        "configuration": "Configuration",
        "participant_conversations": "ParticipantConversations",
        "conversation_with_participants": "ConversationWithParticipants",
    }

    sid: sids.Service
    account_sid: sids.Account
    friendly_name: Personal[Required[Creatable[ServiceName]]]
    date_created: Timestamp
    date_updated: Timestamp
    date_deleted: Hidden[Timestamp | None] = None


services = Collection(Service, "/Services", key="services", parent=find_callers_account, prefixes=(ALONE,))


@services.create()
def create_service(tx: Transaction, call: Call) -> Service:
    return add_service(tx, call.account_sid, call.changes["friendly_name"], tx.new_sid("IS"))


@services.list()
def list_services(tx: Transaction, call: Call) -> Page[Service]:
    mine = [("account_sid", "=", call.account_sid)]
    return tx.page(Service, call.paging, where=mine, by=("date_created", "sid"))


@services.fetch()
def fetch_service(tx: Transaction, call: Call) -> Service:
    service = tx.find(Service, sid=call.path["Sid"])
    if service is None:
        raise call.not_found()
    return service


@services.delete()
def delete_service(tx: Transaction, call: Call) -> None:
    lock_account(tx, call.account_sid)
    service = fetch_service(tx, call)
    if service.sid == find_callers_account(tx, call).default_chat_service_sid:
        raise errors.CONFLICT(reason="it is the account's default service")
    delete_in_steps(tx, service)


def add_service(tx: Transaction, account_sid: str, friendly_name: str, sid: str) -> Service:
    service = tx.insert(
        Service(
            sid=sid,
            account_sid=account_sid,
            friendly_name=friendly_name,
            date_created=tx.now,
            date_updated=tx.now,
        )
    )
    add_default_roles(tx, sid)
    return service


def lock_service(tx: Transaction, sid: str) -> None:
    """Let no other transaction that calls this go on before this one has ended; then look anew."""
    tx.execute(LOCK, sid)
    tx.discard()


def find_service(tx: Transaction, call: Call) -> Service:
    """Return the service that the path names, else the account's default one. Raises 404/20404."""
    service = tx.find(Service, sid=call.service_sid)
    if service is None:
        raise call.not_found()
    return service
