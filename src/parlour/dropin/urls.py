"""The scheme and host of URLs in answers: those of the service's host that the client has used."""

import re

from parlour.api.exchange import ApiRequest
from parlour.dropin.hosts import is_service_host

# Clients can send any Host header, so only the service's own hosts are written into answers.
HOST = re.compile(r"([A-Za-z0-9.-]{1,253})(?::\d{1,5})?")


class ClientUrl:
    """Returns the scheme and host of URLs for a request; `default` unless its Host is the service's."""

    def __init__(self, default: str) -> None:
        self._default = default

    def __call__(self, request: ApiRequest) -> str:
        match = HOST.fullmatch(request.header("Host") or "")
        # A client may ask the proxy for such a host without TLS. Its links are https even then.
        return f"https://{match[0]}" if match and is_service_host(match[1]) else self._default
