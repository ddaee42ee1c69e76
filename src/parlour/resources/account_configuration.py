"""The configuration of an account: its default service, and the defaults for new conversations."""

from typing import Any

from parlour import errors
from parlour.api.collection import ALONE, Call, Singleton
from parlour.resources.accounts import Account, find_callers_account, lock_account
from parlour.resources.services import Service
from parlour.store import Transaction

account_configuration = Singleton(
    Account,
    "/Configuration",
    key="configuration",
    parent=find_callers_account,
    prefixes=(ALONE,),
    describes_caller=True,
)


@account_configuration.fetch()
def fetch_account_configuration(tx: Transaction, call: Call) -> Account:
    return find_callers_account(tx, call)


@account_configuration.update()
def update_account_configuration(tx: Transaction, call: Call) -> Account:
    changes: dict[str, Any] = call.changes
    if "default_chat_service_sid" in changes:
        lock_account(tx, call.account_sid)
        if tx.find(Service, sid=changes["default_chat_service_sid"]) is None:
            raise errors.SERVICE_NOT_FOUND()
    account = find_callers_account(tx, call)
    return tx.update(account, date_updated=tx.now, **changes) if changes else account
