"""The environment variables that send every official client to this server, and the files that they name."""

import contextlib
import os
import re
import shlex
import ssl
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    serialize_java_truststore,
)

from parlour.dropin.authority import Authority, certificate_pem, replace

# Files with the authorities that the system trusts, if there is none at OpenSSL's own path.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

TRUSTSTORE_PASSWORD = "changeit"  # noqa: S105 - Java requires one; the file holds no secret
NO_PROXY_HOSTS = "localhost,127.0.0.1,::1"
JAVA_NO_PROXY_HOSTS = "localhost|127.*|[::1]"

SHELLS = ("sh", "fish", "powershell", "dotenv", "github-actions")


def write_files(authority: Authority, folder: Path) -> None:
    """Write the authority's certificate, alone and with the system's, in the formats of all clients."""
    folder, own = folder.resolve(), certificate_pem(authority.certificate)
    system = system_authorities()
    bundle = folder / "bundle.pem"
    replace(folder / "ca.pem", own.encode())
    replace(bundle, (system + own).encode())
    php = folder / "php"
    php.mkdir(exist_ok=True)
    replace(php / "parlour.ini", f'curl.cainfo="{bundle}"\nopenssl.cafile="{bundle}"\n'.encode())
    trusted = [*certificates_in(system), authority.certificate]
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


def variables(proxy_url: str, folder: Path) -> dict[str, str]:
    """Return the variables, which were tested with the official clients (contract: redirects.md)."""
    folder = folder.resolve()
    host, _, port = proxy_url.rpartition("//")[2].rpartition(":")
    bundle, truststore = str(folder / "bundle.pem"), folder / "truststore.p12"
    java = {
        "https.proxyHost": host,
        "https.proxyPort": port,
        "http.nonProxyHosts": JAVA_NO_PROXY_HOSTS,
        "javax.net.ssl.trustStore": truststore,
        "javax.net.ssl.trustStorePassword": TRUSTSTORE_PASSWORD,
    }
    return {
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY"), proxy_url),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), NO_PROXY_HOSTS),
        **dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), bundle),
        "NODE_EXTRA_CA_CERTS": str(folder / "ca.pem"),
        # The empty part stands for the folders that PHP reads by default.
        "PHP_INI_SCAN_DIR": f"{os.pathsep}{folder / 'php'}",
        "JAVA_TOOL_OPTIONS": " ".join(f"-D{name}={value}" for name, value in java.items()),
    }


def shell_lines(values: Mapping[str, str], shell: str) -> str:
    """Return lines that set the variables in this kind of shell or file."""
    return "\n".join(shell_line(name, value, shell) for name, value in values.items())


def shell_line(name: str, value: str, shell: str) -> str:
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    match shell:
        case "fish":
            return f"set -gx {name} '{quoted}';"
        case "powershell":
            doubled = value.replace("'", "''")
            return f"$env:{name} = '{doubled}'"
        case "dotenv":
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
            return f'{name}="{escaped}"'
        case "github-actions":
            return f"{name}={value}"
        case _:
            return f"export {name}={shlex.quote(value)}"
