"""New accounts: each is created together with its default service."""

from parlour.resources.accounts import Account
from parlour.resources.services import add_service
from parlour.store import Transaction
from parlour.store.credentials import Vault
from parlour.wire.sids import new_secret

DEFAULT_SERVICE_NAME = "Default Conversations Service"


def create_account(
    tx: Transaction, vault: Vault, friendly_name: str, sid: str | None = None, token: str | None = None
) -> tuple[Account, str]:
    """Create an account and its default service; return the account and its auth token, unsealed.

    `sid` and `token` are made if they are not given.
    """
    sid, token = sid or tx.new_sid("AC"), token or new_secret()
    default_service_sid = tx.new_sid("IS")
    account = Account(
        sid=sid,
        friendly_name=friendly_name,
        sealed_auth_token=vault.seal(token),
        default_chat_service_sid=default_service_sid,
        date_created=tx.now,
        date_updated=tx.now,
    )
    tx.insert(account)
    add_service(tx, sid, DEFAULT_SERVICE_NAME, default_service_sid)
    return account, token
