"""What URLs in answers begin with, in a server that has many names: the host that the client used."""

import re

from falcon.asgi import Request

from parlour.dropin.hosts import is_ours

# A Host header is the client's to choose; only what has the form of one is written into answers.
HOST = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?")


class ClientUrl:
    """From a request to the scheme and host of its URLs; `otherwise` where it names none."""

    def __init__(self, otherwise: str) -> None:
        self._otherwise = otherwise

    def __call__(self, request: Request) -> str:
        named = HOST.fullmatch(request.get_header("Host") or "")
        if named is None:
            return self._otherwise
        # One who speaks to the proxy in the clear names a host of the service's all the same.
        secure = request.scope["scheme"] == "https" or (named[2] is None and is_ours(named[1]))
        return f"{'https' if secure else 'http'}://{named[0]}"
