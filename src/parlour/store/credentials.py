"""Who may call: accounts, API keys, and the vault that seals auth tokens."""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path
from typing import ClassVar

from cryptography.fernet import Fernet, InvalidToken

from parlour.wire.resource import Resource


class Account(Resource, frozen=True):
    table: ClassVar = "accounts"
    tombstone: ClassVar = True

    friendly_name: str
    sealed_auth_token: str
    default_chat_service_sid: str
    date_created: int
    date_updated: int
    date_deleted: int | None = None


class ApiKey(Resource, frozen=True):
    table: ClassVar = "api_keys"

    account_sid: str
    friendly_name: str
    secret_hash: str
    date_created: int


class VaultError(Exception):
    """The key does not fit what it is to open, or is no key."""


class Vault:
    """Seals auth tokens, which must be read again to sign webhooks, so a hash would not do."""

    def __init__(self, key: str) -> None:
        try:
            self._fernet = Fernet(key)
        except ValueError:
            raise VaultError("the secret key must be 32 bytes in URL-safe base64") from None
        self._signing_key = hmac.digest(key.encode(), b"links to media", "sha256")

    def seal(self, token: str) -> str:
        return self._fernet.encrypt(token.encode()).decode()

    def unseal(self, sealed: str) -> str:
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise VaultError("the secret key is not the one this database was made with") from None

    def sign(self, text: str) -> str:
        """What only a holder of the key can work out from `text`."""
        return hmac.new(self._signing_key, text.encode(), "sha256").hexdigest()


def read_key(path: Path, *, may_make: bool) -> str:
    """The key in a file; where it is missing it is made, readable by its owner only."""
    if not path.exists():
        if not may_make:
            raise VaultError(
                f"the secret key is missing: {path}. Put the key of this database there, or into"
                " PARLOUR_SECRET_KEY; if it is lost, see docs/running.md"
            )
        write_once(path, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    return path.read_text().strip()


def write_once(path: Path, text: str) -> None:
    # Linked under its name when it is whole, so of two processes that start at once one key wins.
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()


def new_secret() -> str:
    return secrets.token_hex(16)


def hash_secret(secret: str) -> str:
    # Secrets are 128 random bits of our own making: a plain hash is enough, and costs a microsecond.
    return hashlib.sha256(secret.encode()).hexdigest()


def same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
