"""The environment variables that send every official client to this server."""

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from parlour.dropin.inherited import after, before, java_options, no_proxy, node_authorities

TRUSTSTORE_PASSWORD = "changeit"  # noqa: S105 - Java requires one; the file holds no secret
# What programs in Python and Node load before anything else: for clients that ignore their environment.
PRELOAD = Path(__file__).parent / "preload"

BLANK_OR_QUOTE = re.compile(r'[\s"\\\\]')

SHELLS = ("sh", "fish", "powershell", "dotenv", "github-actions")


def variables(proxy_url: str, folder: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the variables, which were tested with the official clients (contract: redirects.md).

    `inherited` are the caller's own: what they say is kept where it can be. `folder` has the files of
    `trust_files.write_files`.
    """
    folder = folder.resolve()
    return {
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY"), proxy_url),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), no_proxy(inherited)),
        **dict.fromkeys(
            ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"), str(folder / "bundle.pem")
        ),
        "NODE_EXTRA_CA_CERTS": str(node_authorities(inherited.get("NODE_EXTRA_CA_CERTS"), folder / "ca.pem")),
        # Node's `fetch`: what newer versions do by themselves, and what makes older ones do it.
        "NODE_USE_ENV_PROXY": "1",
        "NODE_OPTIONS": with_required(inherited.get("NODE_OPTIONS"), PRELOAD / "node" / "fetch.cjs"),
        "PYTHONPATH": before(str(PRELOAD / "python"), inherited.get("PYTHONPATH"), os.pathsep),
        # The empty part, without a list of the caller's, stands for the folders that PHP reads by default.
        "PHP_INI_SCAN_DIR": after(inherited.get("PHP_INI_SCAN_DIR"), str(folder / "php"), os.pathsep),
        "JAVA_TOOL_OPTIONS": java_options(
            inherited.get("JAVA_TOOL_OPTIONS"), proxy_url, folder / "truststore.p12", TRUSTSTORE_PASSWORD
        ),
    }


def with_required(inherited: str | None, file: Path) -> str:
    """Return the caller's options for Node, and one that loads the file."""
    name = str(file)
    if BLANK_OR_QUOTE.search(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    option = f"--require={name}"
    return option if not inherited else inherited if option in inherited else f"{inherited} {option}"


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
