"""Accounts and API keys: who may call, and what the command line does with them."""

from typing import Annotated, ClassVar

from parlour import errors
from parlour.api.collection import Call, Caller
from parlour.resources.deletions import REVOKE_KEYS, hide_services
from parlour.resources.timers import CLOSED_TIMER, INACTIVE_TIMER, stored_as_sent
from parlour.store import Transaction
from parlour.store.credentials import Vault, hash_secret, secrets_match
from parlour.store.tombstones import is_taken
from parlour.wire import sids
from parlour.wire.field_options import Hidden, Writable
from parlour.wire.field_types import Text, Timestamp
from parlour.wire.resource import Computed, Resource
from parlour.wire.sids import new_secret

ACCOUNTS = """SELECT sid, friendly_name, date_created FROM accounts WHERE date_deleted IS NULL
ORDER BY date_created, sid"""
SEALED_TOKENS = "SELECT sealed_auth_token FROM accounts WHERE date_deleted IS NULL"
KEYS = (
    "SELECT sid, friendly_name, date_created FROM api_keys WHERE account_sid = ? ORDER BY date_created, sid"
)

# Holds up other transactions that would lock the account, and nobody else.
LOCK = "UPDATE accounts SET date_updated = date_updated WHERE sid = ?"

RESET = """UPDATE accounts SET default_messaging_service_sid = NULL, default_inactive_timer = NULL,
default_closed_timer = NULL"""

DefaultServiceSid = Annotated[str, sids.sid("IS", invalid=errors.SERVICE_NOT_FOUND)]
MessagingServiceSid = Annotated[str, sids.sid("MG", invalid=errors.INVALID_MESSAGING_SERVICE_SID)]
InactiveTimer = Annotated[str, stored_as_sent(INACTIVE_TIMER)]
ClosedTimer = Annotated[str, stored_as_sent(CLOSED_TIMER)]

# An account or a key as it is listed: its SID, its name, and when it was created.
Listed = tuple[str, str, int]


class Account(Resource, frozen=True):
    """An account; its auth token is sealed by the vault, because webhooks are signed with it.

    Its body is its configuration: the default service, and the defaults for new conversations.
    """

    table: ClassVar = "accounts"
    tombstone: ClassVar = True
    link_names: ClassVar = {
        "service": "/Services/{default_chat_service_sid}/Configuration",
        "webhooks": "Webhooks",
    }

    sid: Hidden[sids.Account]
    friendly_name: Hidden[Text]
    sealed_auth_token: Hidden[Text]
    default_chat_service_sid: Writable[DefaultServiceSid]
    date_created: Hidden[Timestamp]
    date_updated: Hidden[Timestamp]
    date_deleted: Hidden[Timestamp | None] = None
    default_messaging_service_sid: Writable[MessagingServiceSid | None] = None
    default_inactive_timer: Writable[InactiveTimer | None] = None
    default_closed_timer: Writable[ClosedTimer | None] = None

    @Computed(type="string", pattern=sids.sid_pattern("AC"))
    def account_sid(self) -> str:
        return self.sid


class ApiKey(Resource, frozen=True):
    """An API key of an account; its secret is stored as a hash."""

    table: ClassVar = "api_keys"

    account_sid: str
    friendly_name: str
    secret_hash: str
    date_created: int


def find_account(tx: Transaction, sid: str) -> Account | None:
    return tx.find(Account, sid=sid)


def find_callers_account(tx: Transaction, call: Call) -> Account:
    """Return the caller's account. Raises 401/20003 if it was deleted while its credentials were trusted."""
    account = find_account(tx, call.account_sid)
    if account is None:
        raise errors.AUTHENTICATE()
    return account


def lock_account(tx: Transaction, sid: str) -> None:
    """Let no other transaction that calls this go on before this one has ended; then look anew."""
    tx.execute(LOCK, sid)
    tx.discard()


def reset_accounts(tx: Transaction) -> None:
    """Give the configuration of all accounts its defaults back. Their default services stay what they are."""
    tx.execute(RESET)


def as_caller(account: Account) -> Caller:
    return Caller(account.sid, account.default_chat_service_sid)


def find_caller(vault: Vault, tx: Transaction, username: str, password: str) -> Caller:
    """Return the account of a SID and its auth token, or of an API key's SID and its secret.

    Raises 401/20003 if they do not fit.
    """
    if username.startswith("SK"):
        key = tx.find(ApiKey, sid=username)
        if key is None or not secrets_match(hash_secret(password), key.secret_hash):
            raise errors.AUTHENTICATE()
        account = find_account(tx, key.account_sid)
    else:
        account = find_account(tx, username)
        if account is None or not secrets_match(password, vault.unseal(account.sealed_auth_token)):
            raise errors.AUTHENTICATE()
    if account is None:
        raise errors.AUTHENTICATE()
    return as_caller(account)


def is_being_deleted(tx: Transaction, sid: str | None) -> bool:
    """Whether an account was deleted and its rows are not removed yet."""
    return sid is not None and find_account(tx, sid) is None and is_taken(tx, Account, sid=sid)


def list_accounts(tx: Transaction) -> list[Listed]:
    return tx.select(ACCOUNTS)


def sealed_tokens(tx: Transaction) -> list[str]:
    """Return the sealed auth tokens of all accounts."""
    return [sealed for (sealed,) in tx.select(SEALED_TOKENS)]


def rotate_token(tx: Transaction, vault: Vault, account: Account) -> str:
    """Replace an account's auth token and return the new one."""
    token = new_secret()
    tx.update(account, sealed_auth_token=vault.seal(token), date_updated=tx.now)
    return token


def delete_account(tx: Transaction, account: Account) -> None:
    """Hide the account and its services, and revoke its credentials; their rows are removed in steps."""
    tx.execute(REVOKE_KEYS, account.sid)
    hide_services(tx, account.sid)
    # Without a token, because the previous version of the program knows no tombstones: it must let nobody in.
    tx.mark_deleted(account, sealed_auth_token="")


def create_key(tx: Transaction, account: Account, friendly_name: str) -> tuple[ApiKey, str]:
    """Create an API key and return it with its secret, which is stored as a hash and cannot be read again."""
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
    """Delete an API key and return whether it existed."""
    key = tx.find(ApiKey, sid=sid)
    if key is not None:
        tx.delete(key)
    return key is not None
