"""The configuration of the webhooks of an account and of a service."""

from parlour.api.collection import ALONE, IN_SERVICE, Call, Singleton
from parlour.resources.accounts import find_callers_account
from parlour.resources.services import find_service
from parlour.resources.webhook_targets import AccountWebhooks, ServiceWebhooks
from parlour.store import Transaction

account_webhooks = Singleton(
    AccountWebhooks, "/Configuration/Webhooks", key="webhooks", parent=find_callers_account, prefixes=(ALONE,)
)
service_webhooks = Singleton(
    ServiceWebhooks, "/Configuration/Webhooks", key="webhooks", parent=find_service, prefixes=(IN_SERVICE,)
)


@account_webhooks.fetch()
def fetch_account_webhooks(tx: Transaction, call: Call) -> AccountWebhooks:
    found = tx.find(AccountWebhooks, sid=call.account_sid)
    return found or AccountWebhooks(sid=call.account_sid, account_sid=call.account_sid)


@account_webhooks.update()
def update_account_webhooks(tx: Transaction, call: Call) -> AccountWebhooks:
    if tx.find(AccountWebhooks, sid=call.account_sid) is None:
        tx.insert(AccountWebhooks(sid=call.account_sid, account_sid=call.account_sid))
    return tx.update(fetch_account_webhooks(tx, call), **call.changes)


@service_webhooks.fetch()
def fetch_service_webhooks(tx: Transaction, call: Call) -> ServiceWebhooks:
    return tx.find(ServiceWebhooks, sid=call.service_sid) or unset(call)


@service_webhooks.update()
def update_service_webhooks(tx: Transaction, call: Call) -> ServiceWebhooks:
    if tx.find(ServiceWebhooks, sid=call.service_sid) is None:
        tx.insert(unset(call))
    return tx.update(fetch_service_webhooks(tx, call), **call.changes)


def unset(call: Call) -> ServiceWebhooks:
    return ServiceWebhooks(
        sid=call.service_sid, account_sid=call.account_sid, chat_service_sid=call.service_sid
    )
