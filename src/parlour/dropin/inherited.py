"""Variables that the caller has set for the same purpose as ours: what they say is kept where it can be."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from parlour.dropin.hosts import HOSTS
from parlour.dropin.replacing import replace

NO_PROXY_HOSTS = ("localhost", "127.0.0.1", "::1")
JAVA_NO_PROXY_HOSTS = ("localhost", "127.*", "[::1]")
CERTIFICATE_BEGINS = b"-----BEGIN CERTIFICATE-----"


def after(inherited: str | None, own: str, separator: str) -> str:
    """Return the caller's list with our part at its end, once."""
    parts = (inherited or "").split(separator)
    return separator.join([part for part in parts if part != own] + [own])


def before(own: str, inherited: str | None, separator: str) -> str:
    """Return the caller's list with our part at its beginning, once."""
    parts = inherited.split(separator) if inherited else []
    return separator.join([own, *(part for part in parts if part != own)])


def no_proxy(inherited: Mapping[str, str]) -> str:
    """Return the hosts that are reached without the proxy: the caller's, without the service's, and ours."""
    given = ",".join(inherited.get(name, "") for name in ("NO_PROXY", "no_proxy"))
    return ",".join(kept_and(map(str.strip, given.split(",")), NO_PROXY_HOSTS))


def kept_and(given: Iterable[str], own: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys([each for each in given if each and not covers_the_service(each)]) | dict.fromkeys(
        own
    )


def covers_the_service(pattern: str) -> bool:
    """Whether a host of NO_PROXY would lead requests for the service past us."""
    domain = pattern.lower().lstrip("*").lstrip(".")
    return any(host == domain or host.endswith(f".{domain}") or not domain for host in HOSTS)


def java_options(inherited: str | None, proxy_url: str, truststore: Path, password: str) -> str:
    """Return the caller's options, without those that ours replace, and ours."""
    host, _, port = proxy_url.rpartition("//")[2].rpartition(":")
    words = (inherited or "").split()
    direct = "-Dhttp.nonProxyHosts="
    given = [
        each for word in words if word.startswith(direct) for each in word.removeprefix(direct).split("|")
    ]
    own = {
        "https.proxyHost": host,
        "https.proxyPort": port,
        "http.nonProxyHosts": "|".join(kept_and(given, JAVA_NO_PROXY_HOSTS)),
        "javax.net.ssl.trustStore": str(truststore),
        "javax.net.ssl.trustStorePassword": password,
    }
    names = tuple(f"-D{name}=" for name in own)
    kept = [word for word in words if not word.startswith(names)]
    return " ".join([*kept, *(f"-D{name}={value}" for name, value in own.items())])


def node_authorities(inherited: str | None, own: Path) -> Path:
    """Return the file for NODE_EXTRA_CA_CERTS: ours, or one beside it with the caller's authorities too."""
    both = own.with_name("ca-and-yours.pem")
    if not inherited or Path(inherited) in {own, both}:
        return own if inherited != str(both) else both
    with contextlib.suppress(OSError):
        given = Path(inherited).read_bytes()
        if CERTIFICATE_BEGINS in given:
            replace(both, given.rstrip() + b"\n" + own.read_bytes())
            return both
    return own


def own_programs_first(path: str, executable: str, environment: Mapping[str, str]) -> str:
    """Return PATH with the programs of our own environment first, unless another one is activated."""
    folder = str(Path(executable).parent)
    is_activated = environment.get("VIRTUAL_ENV") or environment.get("CONDA_PREFIX")
    return path if is_activated else before(folder, path, os.pathsep)
