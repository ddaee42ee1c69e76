"""The roles of a service: named lists of permissions, for users and for participants."""

from parlour import errors
from parlour.api.collection import Call, Collection
from parlour.resources.default_roles import Role
from parlour.resources.service_configuration import find_configuration
from parlour.resources.services import find_service, lock_service
from parlour.store import Transaction
from parlour.wire.paging import Page

MAX_PAGE_SIZE = 50

roles = Collection(Role, "/Roles", key="roles", parent=find_service)


@roles.create()
def create_role(tx: Transaction, call: Call) -> Role:
    return tx.insert(
        Role(
            sid=tx.new_sid("RL"),
            account_sid=call.account_sid,
            chat_service_sid=call.service_sid,
            date_created=tx.now,
            date_updated=tx.now,
            **call.changes,
        )
    )


@roles.list(max_page_size=MAX_PAGE_SIZE)
def list_roles(tx: Transaction, call: Call) -> Page[Role]:
    where = [("chat_service_sid", "=", call.service_sid)]
    return tx.page(Role, call.paging, where=where, by=("date_created", "sid"))


@roles.fetch()
def fetch_role(tx: Transaction, call: Call) -> Role:
    role = tx.find(Role, sid=call.path["Sid"])
    if role is None:
        raise call.not_found()
    return role


@roles.update()
def update_role(tx: Transaction, call: Call) -> Role:
    role = fetch_role(tx, call)
    if not call.changes:
        # An update takes nothing else, so there is no empty one (contract: rest-of-api.md §11).
        raise errors.MISSING_PARAMETER(name="Permission")
    return tx.update(role, date_updated=tx.now, **call.changes)


@roles.delete()
def delete_role(tx: Transaction, call: Call) -> None:
    """Delete a role. Participants that have it keep its SID, which then allows nothing."""
    # Another process may make it a default role now.
    lock_service(tx, fetch_role(tx, call).chat_service_sid)
    role = fetch_role(tx, call)
    if role.sid in find_configuration(tx, call.service_sid).role_sids():
        raise errors.CONFLICT(reason="it is a default role of the service")
    tx.delete(role)
