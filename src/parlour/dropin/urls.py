"""The start of URLs in answers, in a server that has many names: the service's host that the client used."""

import re

from parlour.dropin.hosts import is_ours

# A Host header is the client's to choose, so only the service's own hosts are written into answers.
HOST = re.compile(r"([A-Za-z0-9.-]{1,253})(?::\d{1,5})?")


class ClientUrl:
    """From a request's Host to the scheme and host of URLs; `otherwise` unless it is one of our hosts."""

    def __init__(self, otherwise: str) -> None:
        self._otherwise = otherwise

    def __call__(self, host: str | None) -> str:
        named = HOST.fullmatch(host or "")
        # By the proxy, a client may name such a host without TLS; its links are https all the same.
        return f"https://{named[0]}" if named and is_ours(named[1]) else self._otherwise
