"""The environment variables that send every official client to this server."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

TRUSTSTORE_PASSWORD = "changeit"  # noqa: S105 - Java requires one; the file holds no secret
NO_PROXY_HOSTS = "localhost,127.0.0.1,::1"
JAVA_NO_PROXY_HOSTS = "localhost|127.*|[::1]"

SHELLS = ("sh", "fish", "powershell", "dotenv", "github-actions")


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
