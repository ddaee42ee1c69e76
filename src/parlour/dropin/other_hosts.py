"""What the proxy does with hosts that are not the service's: it routes, refuses or passes on requests."""

import ssl
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

from parlour.dropin.hosts import HTTP_PORT, HTTPS_PORT
from parlour.dropin.proxy_requests import HostPort
from parlour.setting_checks import REFUSE, SUBDOMAINS, read_routes


class HostRoute(NamedTuple):
    """The server that requests for a host are led to; without an `address` they are refused over TLS."""

    address: HostPort | None
    uses_tls: bool = False


class HostRoutes:
    """The routes of the setting `--intercept-route`. A host's own route comes before that of `*.names`."""

    def __init__(self, setting: str) -> None:
        self._routes = {pattern: route_to(target) for pattern, target in read_routes(setting).items()}

    def find(self, host: str) -> HostRoute | None:
        name = host.lower()
        found = self._routes.get(name)
        while found is None and "." in name:
            name = name.partition(".")[2]
            found = self._routes.get(SUBDOMAINS + name)
        return found

    def names(self) -> tuple[str, ...]:
        """Return the names that the authority must be able to sign for, each with the names below it."""
        return tuple(pattern.removeprefix(SUBDOMAINS) for pattern in self._routes)


def route_to(target: str) -> HostRoute:
    if target == REFUSE:
        return HostRoute(None)
    url = urlsplit(target)
    uses_tls = url.scheme == "https"
    port = url.port or (HTTPS_PORT if uses_tls else HTTP_PORT)
    return HostRoute(HostPort(url.hostname or "", port), uses_tls)


class OtherHosts(NamedTuple):
    """How the proxy treats other hosts.

    `context_of` returns the TLS context for a host that has a route. `count_refused` is called with each host
    that is refused. With `passes`, requests for hosts without a route are passed on.
    """

    routes: HostRoutes
    context_of: Callable[[str], ssl.SSLContext]
    count_refused: Callable[[str], None]
    passes: bool
