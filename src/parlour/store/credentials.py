"""Secrets: the vault that seals auth tokens, its key, and the hashes of API keys' secrets."""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from parlour.errors import UserError


class VaultError(UserError):
    """The key is missing or invalid, or is not the one that the auth tokens were sealed with."""


class Vault:
    """Encrypts auth tokens. A hash would not do, because webhooks are signed with the tokens themselves."""

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
            raise VaultError(
                "the secret key is not the one this database was made with: restore the file of the key from"
                " a backup, or set PARLOUR_SECRET_KEY to it"
            ) from None

    def sign(self, text: str) -> str:
        """Return the HMAC-SHA-256 of a text, in hex, which only a holder of the key can compute."""
        return hmac.new(self._signing_key, text.encode(), "sha256").hexdigest()


def read_key(path: Path, *, may_make: bool) -> str:
    """Return the key in a file. With `may_make`, a missing one is created, readable by its owner only.

    Raises VaultError if the file is missing and may not be created.
    """
    if not path.exists():
        if not may_make:
            raise VaultError(
                f"the secret key is missing: {path}. Put the key of this database there, or into"
                " PARLOUR_SECRET_KEY. If it is lost, `parlour account rotate-token` makes a new one: run it"
                " for every account"
            )
        write_once(path, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    return path.read_text().strip()


def write_once(path: Path, text: str) -> None:
    """Write a private file, unless there is one."""
    # The file gets its name once it is complete: of two processes that start at once, one writes the key.
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()


def hash_secret(secret: str) -> str:
    # Our secrets are 128 random bits: a plain hash is enough, and takes a microsecond.
    return hashlib.sha256(secret.encode()).hexdigest()


def secrets_match(given: str, expected: str) -> bool:
    """Whether two texts are equal; the comparison takes equally long if they are not."""
    return hmac.compare_digest(given.encode(), expected.encode())
