"""Finds the authority of a running server, for `parlour env` in a folder that is not the server's."""

import hashlib
import ssl
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509

from parlour.api.health import AUTHORITY_PATH
from parlour.config import BadSetting
from parlour.dropin.authority import Authority, certificate_pem
from parlour.dropin.hosts import HOSTS, HTTPS_PORT
from parlour.dropin.trust_files import write_files
from parlour.store.database import milliseconds_now

TIMEOUT_SECONDS = 5


class FoundAuthority(NamedTuple):
    """The folder with the files that clients need, and a remark for the user, if there is one."""

    folder: Path
    remark: str | None = None


def find_authority(url: str, proxy_url: str, folder: Path) -> FoundAuthority:
    """Write the files that clients need to trust the server, and return where they are.

    The server is at `url` and intercepts at `proxy_url`; `folder` is the one of the settings. If the server
    has another authority, its certificate is put into a folder of its own below; without a server, the
    folder's authority is used, and made if it is missing. Raises BadSetting if it does not intercept there.
    """
    served = fetch_certificate(proxy_url)
    known = folder / "authority.pem"
    if served is None:
        ensure_no_server(url, proxy_url)
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


def fetch_certificate(proxy_url: str) -> x509.Certificate | None:
    """Return the certificate of the authority of the server that intercepts there, as its clients reach it.

    Returns None if nothing listens there. Raises BadSetting if the answer is no certificate.
    """
    place = urlsplit(proxy_url)
    # Nothing is trusted yet: the answer is what will be.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = HTTPSConnection(place.hostname or "", place.port, timeout=TIMEOUT_SECONDS, context=context)
    connection.set_tunnel(HOSTS[0], HTTPS_PORT)
    try:
        connection.request("GET", AUTHORITY_PATH)
        return x509.load_pem_x509_certificate(connection.getresponse().read())
    except ConnectionRefusedError:
        return None
    except (HTTPException, OSError, ValueError) as error:
        raise BadSetting(
            f"what answers at {proxy_url} is no server that intercepts: name its --intercept-port ({error})"
        ) from None
    finally:
        connection.close()


def ensure_no_server(url: str, proxy_url: str) -> None:
    """Raise BadSetting if a server answers at `url`: it intercepts at another port, or not at all."""
    what_to_do = "start the server with --intercept, or name its --intercept-port"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(f"{url}{AUTHORITY_PATH}", timeout=TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HTTPStatus.NOT_FOUND:
            raise BadSetting(
                f"the server at {url} runs without --intercept: start it with this option"
            ) from None
    except OSError as error:
        if isinstance(getattr(error, "reason", error), ConnectionRefusedError):
            return
    raise BadSetting(f"a server answers at {url}, and none intercepts at {proxy_url}: {what_to_do}")
