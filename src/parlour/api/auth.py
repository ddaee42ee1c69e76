"""HTTP Basic: an account's SID and auth token, or an API key's SID and secret."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import FIFOCache

from parlour import errors
from parlour.api.collection import Caller
from parlour.store import Database, Transaction
from parlour.wire.texts import BadText, decode_text

# How long a verified header is trusted. A revoked key or a rotated token still works for this time.
TRUSTED_MILLISECONDS = 1_000
MAX_TRUSTED = 10_000


# Finds the caller by a username and a password; raises 401/20003 if there is none. Resources know accounts.
FindCaller = Callable[[Transaction, str, str], Caller]


@dataclass(frozen=True, slots=True)
class VerifiedHeader:
    caller: Caller
    at: int


class Authenticator:
    """Returns the caller of an Authorization header. Raises 401/20003.

    Headers that were verified lately are found by a keyed hash, which takes a microsecond and reveals nothing
    by its timing.
    """

    def __init__(self, database: Database, find_caller: FindCaller) -> None:
        self._database, self._find_caller = database, find_caller
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
        # What is read now must not outlive a `forget` meanwhile.
        verified = self._verified
        caller = await self._database.read(lambda tx: self._find_caller(tx, username, password))
        verified[digest] = VerifiedHeader(caller, now)
        return caller

    def forget(self) -> None:
        """Drop all verified headers."""
        self._verified = FIFOCache(MAX_TRUSTED)


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
