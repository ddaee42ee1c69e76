"""Writes the authority's certificate for all clients: the files that the environment variables name."""

import contextlib
import re
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    serialize_java_truststore,
)

from parlour.dropin.authority import certificate_pem
from parlour.dropin.environment import TRUSTSTORE_PASSWORD
from parlour.dropin.replacing import replace

# Files with the authorities that the system trusts, if there is none at OpenSSL's own path.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def write_files(authority: x509.Certificate, folder: Path) -> None:
    """Write the authority's certificate, alone and with the system's, in the formats of all clients."""
    folder, own = folder.resolve(), certificate_pem(authority)
    system = system_authorities()
    bundle = folder / "bundle.pem"
    replace(folder / "ca.pem", own.encode())
    replace(bundle, (system + own).encode())
    php = folder / "php"
    php.mkdir(exist_ok=True)
    replace(php / "parlour.ini", f'curl.cainfo="{bundle}"\nopenssl.cafile="{bundle}"\n'.encode())
    trusted = [*certificates_in(system), authority]
    entries = [PKCS12Certificate(each, f"ca{n}".encode()) for n, each in enumerate(trusted)]
    store = serialize_java_truststore(entries, BestAvailableEncryption(TRUSTSTORE_PASSWORD.encode()))
    replace(folder / "truststore.p12", store)


def system_authorities() -> str:
    for name in filter(None, (ssl.get_default_verify_paths().cafile, *SYSTEM_BUNDLES)):
        if Path(name).exists():
            return Path(name).read_text(encoding="utf-8", errors="replace").rstrip() + "\n"
    return ""


def certificates_in(pem: str) -> Iterator[x509.Certificate]:
    for block in CERTIFICATE.findall(pem):
        with warnings.catch_warnings():
            # Systems have some certificates that break the rules; those that cannot be read are left out.
            warnings.simplefilter("ignore")
            with contextlib.suppress(ValueError):
                yield x509.load_pem_x509_certificate(block.encode())
