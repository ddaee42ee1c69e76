"""HTTP Basic: an account's SID and auth token, or an API key's SID and secret."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from functools import partial

from cachetools import FIFOCache

from parlour import errors
from parlour.api.collection import Caller
from parlour.store import Database, Transaction
from parlour.store.credentials import Account, ApiKey, Vault, hash_secret, same
from parlour.wire.texts import BadText, decode_text

# How long a verified header is trusted. A revoked key or a rotated token still works for this time.
TRUSTED_MILLISECONDS = 1_000
MAX_TRUSTED = 10_000


@dataclass(frozen=True, slots=True)
class VerifiedHeader:
    caller: Caller
    at: int


class Authenticator:
    """Returns the caller of an Authorization header. Raises 401/20003.

    Headers that were verified lately are found by a keyed hash, which takes a microsecond and reveals nothing
    by its timing.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database, self._vault = database, vault
        self._key = secrets.token_bytes(32)
        self._verified: FIFOCache[bytes, VerifiedHeader] = FIFOCache(MAX_TRUSTED)

    async def __call__(self, header: str | None) -> Caller:
        if header is None:
            raise errors.AUTHENTICATE()
        digest = hashlib.blake2b(header.encode(), key=self._key, digest_size=16).digest()
        known = self._verified.get(digest)
        now = self._database.clock()
        if known is not None and 0 <= now - known.at < TRUSTED_MILLISECONDS:
            return known.caller
        username, password = read_basic(header)
        account = await self._database.read(partial(self._verify, username=username, password=password))
        caller = Caller(account.sid, account.default_chat_service_sid)
        self._verified[digest] = VerifiedHeader(caller, now)
        return caller

    def forget(self) -> None:
        """Drop all verified headers."""
        self._verified.clear()

    def _verify(self, tx: Transaction, username: str, password: str) -> Account:
        if username.startswith("SK"):
            key = tx.find(ApiKey, sid=username)
            if key is not None and same(hash_secret(password), key.secret_hash):
                return ensure_found(tx.find(Account, sid=key.account_sid))
        else:
            account = tx.find(Account, sid=username)
            if account is not None and same(password, self._vault.unseal(account.sealed_auth_token)):
                return account
        raise errors.AUTHENTICATE()


def ensure_found(account: Account | None) -> Account:
    if account is None:
        raise errors.AUTHENTICATE()
    return account


def read_basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = decode_text(base64.b64decode(encoded.strip(), validate=True))
    except (ValueError, BadText):
        # Not base64, or text that is not ASCII.
        raise errors.AUTHENTICATE() from None
    username, colon, password = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise errors.AUTHENTICATE()
    return username, password
