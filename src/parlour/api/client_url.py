"""The scheme and host of URLs in answers, which follow the `Host` of the request where it is allowed.

Clients can send any `Host`. Where it is not allowed, URLs begin with the server's own URL.
"""

import functools
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence

from parlour.api.exchange import ApiRequest
from parlour.setting_checks import ALL_HOSTS, LOCAL_HOSTS, NO_HOSTS, SUBDOMAINS
from parlour.wire.urls import MAX_HOST_CHARACTERS, MAX_PORT, host_as_sent

HOST_AND_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([1-9]\d{0,4}))?")
MAX_HEADER_CHARACTERS = MAX_HOST_CHARACTERS + len(f":{MAX_PORT}")
# Clients choose the values of `Host`, so the number of those whose result is cached is bounded.
MAX_REMEMBERED = 1_024

# Returns the start of URLs for a host with its port, in lower case; None if the host is not allowed.
ChooseUrl = Callable[[str, str], str | None]


class ClientUrl:
    """Returns the scheme and host of URLs for a request: the first that is chosen, else `default`."""

    def __init__(self, default: str, choices: Sequence[ChooseUrl]) -> None:
        self._default, self._choices = default, choices
        # This is done for every request, so all but a look-up is done once for each value.
        self._find = functools.lru_cache(MAX_REMEMBERED)(self._choose)

    def __call__(self, request: ApiRequest) -> str:
        value = request.header("Host")
        return self._default if value is None or len(value) > MAX_HEADER_CHARACTERS else self._find(value)

    def _choose(self, value: str) -> str:
        match = HOST_AND_PORT.fullmatch(value)
        if match is None or int(match[2] or 1) > MAX_PORT:
            return self._default
        host, place = match[1].lower(), match[0].lower()
        return next((url for choose in self._choices if (url := choose(host, place))), self._default)


class AllowedHosts:
    """Chooses `scheme` and the host of the request if it is one of the setting `--allowed-hosts`."""

    def __init__(self, allowed: str, scheme: str) -> None:
        words = set(allowed.lower().split()) - {NO_HOSTS}
        self._scheme = scheme
        self._all, self._local = ALL_HOSTS in words, LOCAL_HOSTS in words
        self._names = frozenset(words)
        self._suffixes = tuple(each.removeprefix("*") for each in words if each.startswith(SUBDOMAINS))

    def __call__(self, host: str, place: str) -> str | None:
        return f"{self._scheme}://{place}" if is_valid(host) and self._allows(host) else None

    def _allows(self, host: str) -> bool:
        name = host.removesuffix(".")
        if self._all or name in self._names or name.endswith(self._suffixes):
            return True
        return self._local and is_local(name)


def is_valid(host: str) -> bool:
    try:
        host_as_sent(host)
    except ValueError:
        return False
    return True


def is_local(host: str) -> bool:
    """Whether a host is this machine, or a name that only a local network resolves."""
    try:
        return is_own_address(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return "." not in host or host.endswith(LOCAL_SUFFIXES) or host in own_names()


# No public name can end like these: names of this machine (RFC 6761), and those by which containers reach the
# machine that they run on.
LOCAL_SUFFIXES = (".localhost", ".docker.internal", ".containers.internal")


def own_names() -> tuple[str, str]:
    name = socket.gethostname().lower()
    # The second is its name in the local network (RFC 6762).
    return name, f"{name.partition('.')[0]}.local"


def is_own_address(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is one of this machine: the system lets a socket have no other."""
    if address.is_loopback:
        return True
    family = socket.AF_INET if isinstance(address, ipaddress.IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_STREAM) as own:
            own.bind((str(address), 0))
    except OSError:
        return False
    return not address.is_multicast
