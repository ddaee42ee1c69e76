"""Accounts and API keys: made, listed and revoked from the command line."""

from parlour.resources.deletions import REVOKE_KEYS, hide_services
from parlour.resources.services import add_service
from parlour.store import Transaction
from parlour.store.credentials import Account, ApiKey, Vault, hash_secret, new_secret
from parlour.store.tombstones import is_taken

DEFAULT_SERVICE_NAME = "Default Conversations Service"

ACCOUNTS = """SELECT sid, friendly_name, date_created FROM accounts WHERE date_deleted IS NULL
ORDER BY date_created, sid"""
SEALED_TOKENS = "SELECT sealed_auth_token FROM accounts WHERE date_deleted IS NULL"
KEYS = (
    "SELECT sid, friendly_name, date_created FROM api_keys WHERE account_sid = ? ORDER BY date_created, sid"
)

Listed = tuple[str, str, int]


def create_account(
    tx: Transaction, vault: Vault, friendly_name: str, sid: str | None = None, token: str | None = None
) -> tuple[Account, str]:
    """A new account with its default service, and its auth token in the clear."""
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


def find_account(tx: Transaction, sid: str) -> Account | None:
    return tx.find(Account, sid=sid)


def is_being_deleted(tx: Transaction, sid: str | None) -> bool:
    return sid is not None and find_account(tx, sid) is None and is_taken(tx, Account, sid=sid)


def list_accounts(tx: Transaction) -> list[Listed]:
    return tx.select(ACCOUNTS)


def sealed_tokens(tx: Transaction) -> list[str]:
    return [sealed for (sealed,) in tx.select(SEALED_TOKENS)]


def rotate_token(tx: Transaction, vault: Vault, account: Account) -> str:
    token = new_secret()
    tx.update(account, sealed_auth_token=vault.seal(token), date_updated=tx.now)
    return token


def delete_account(tx: Transaction, account: Account) -> None:
    """Hide the account and its services, and revoke its credentials; their rows are removed in steps."""
    tx.execute(REVOKE_KEYS, account.sid)
    hide_services(tx, account.sid)
    # Without a token, so that a program of the version before, which knows no tombstones, admits nobody.
    tx.mark_deleted(account, sealed_auth_token="")


def create_key(tx: Transaction, account: Account, friendly_name: str) -> tuple[ApiKey, str]:
    """A new API key and its secret, which is stored hashed and cannot be shown again."""
    secret = new_secret()
    key = ApiKey(
        sid=tx.new_sid("SK"),
        account_sid=account.sid,
        friendly_name=friendly_name,
        secret_hash=hash_secret(secret),
        date_created=tx.now,
    )
    return tx.insert(key), secret


def list_keys(tx: Transaction, account: Account) -> list[Listed]:
    return tx.select(KEYS, account.sid)


def revoke_key(tx: Transaction, sid: str) -> bool:
    key = tx.find(ApiKey, sid=sid)
    if key is not None:
        tx.delete(key)
    return key is not None
