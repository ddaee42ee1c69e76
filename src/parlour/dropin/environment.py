"""The one environment that sends every official client here, and the files that it names."""

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

# Where systems keep the authorities that they trust in one file, if OpenSSL's own path has none.
SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

TRUSTSTORE_PASSWORD = "changeit"  # noqa: S105 - Java wants one even where there is nothing to hide
DIRECTLY = "localhost,127.0.0.1,::1"
JAVA_DIRECTLY = "localhost|127.*|[::1]"

SHELLS = ("sh", "fish", "powershell", "dotenv", "github-actions")


def write_files(authority: Authority, folder: Path) -> None:
    """The authority's certificate, alone and with the system's, in the forms that clients read."""
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
            # Systems keep a few that break the rules; what cannot be read is left out.
            warnings.simplefilter("ignore")
            with contextlib.suppress(ValueError):
                yield x509.load_pem_x509_certificate(block.encode())


def variables(proxy_url: str, folder: Path) -> dict[str, str]:
    """Verified with the official clients (contract: redirects.md)."""
    folder = folder.resolve()
    host, _, port = proxy_url.rpartition("//")[2].rpartition(":")
    bundle, truststore = str(folder / "bundle.pem"), folder / "truststore.p12"
    java = {
        "https.proxyHost": host,
        "https.proxyPort": port,
        "http.nonProxyHosts": JAVA_DIRECTLY,
        "javax.net.ssl.trustStore": truststore,
        "javax.net.ssl.trustStorePassword": TRUSTSTORE_PASSWORD,
    }
    return {
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY"), proxy_url),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), DIRECTLY),
        **dict.fromkeys(("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), bundle),
        "NODE_EXTRA_CA_CERTS": str(folder / "ca.pem"),
        # The empty part keeps the folders that PHP would read anyway.
        "PHP_INI_SCAN_DIR": f"{os.pathsep}{folder / 'php'}",
        "JAVA_TOOL_OPTIONS": " ".join(f"-D{name}={value}" for name, value in java.items()),
    }


def show(values: Mapping[str, str], shell: str) -> str:
    """Lines that set the variables in a shell, or in a file that is read as one."""
    return "\n".join(line(name, value, shell) for name, value in values.items())


def line(name: str, value: str, shell: str) -> str:
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
