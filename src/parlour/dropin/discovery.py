"""Finds the authority of a running server, for `parlour env` in a folder that is not the server's."""

import hashlib
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from cryptography import x509

from parlour.api.health import AUTHORITY_PATH
from parlour.config import BadSetting
from parlour.dropin.authority import Authority, certificate_pem
from parlour.dropin.trust_files import write_files
from parlour.store.database import milliseconds_now

TIMEOUT_SECONDS = 5


class FoundAuthority(NamedTuple):
    """The folder with the files that clients need, and a remark for the user, if there is one."""

    folder: Path
    remark: str | None = None


def find_authority(url: str, folder: Path) -> FoundAuthority:
    """Write the files that clients need to trust the server at `url`, and return where they are.

    `folder` is the one of the settings. If the server has another authority, its certificate is put into a
    folder of its own below; without a server, the folder's authority is used, and made if it is missing.
    Raises BadSetting if the server does not intercept.
    """
    served = fetch_certificate(url)
    known = folder / "authority.pem"
    if served is None:
        authority = Authority(folder, milliseconds_now)
        write_files(authority.certificate, folder)
        return FoundAuthority(
            folder, f"no server answers at {url} yet. Start it with --intercept and the authority {folder}"
        )
    if known.exists() and certificate_pem(served) in known.read_text():
        write_files(served, folder)
        return FoundAuthority(folder)
    other = folder / hashlib.sha256(certificate_pem(served).encode()).hexdigest()[:16]
    other.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_files(served, other)
    return FoundAuthority(other)


def fetch_certificate(url: str) -> x509.Certificate | None:
    """Return the certificate of the server's authority, or None if no server answers. Raises BadSetting."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}{AUTHORITY_PATH}", timeout=TIMEOUT_SECONDS) as answer:
            return x509.load_pem_x509_certificate(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            reason = "it runs without --intercept: start it with this option"
            if error.code != HTTPStatus.NOT_FOUND:
                reason = f"it answers {error.code}"
            raise BadSetting(f"the server at {url} does not tell its authority: {reason}") from None
    except (OSError, ValueError) as error:
        if isinstance(getattr(error, "reason", error), ConnectionRefusedError):
            return None
        hint = ". It must be a server without --tls-certificate" if is_cut(error) else ""
        raise BadSetting(f"the server at {url} does not tell its authority: {error}{hint}") from None


def is_cut(error: Exception) -> bool:
    """Return whether the server closed the connection without an answer, as one that speaks TLS does."""
    return isinstance(getattr(error, "reason", error), ConnectionResetError)
