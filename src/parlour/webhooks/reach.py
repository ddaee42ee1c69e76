"""Connections to places that others name, and not to where they must not lead."""

import os
import socket
from typing import Any

import aiohttp

from parlour.webhooks.encodings import ANNOUNCED, BadEncoding
from parlour.webhooks.private_addresses import is_private

# The first that fits; what is not here has a number of the operating system's, or none.
REASONS: dict[type[Exception], str] = {
    aiohttp.ClientConnectorCertificateError: "the certificate is not trusted",
    aiohttp.ClientSSLError: "TLS failed",
    aiohttp.ClientConnectorDNSError: "the host name is not known",
    aiohttp.ServerDisconnectedError: "the connection was closed before an answer came",
    aiohttp.ClientPayloadError: "the answer was cut off",
    aiohttp.ClientResponseError: "the answer is not HTTP",
    aiohttp.InvalidURL: "the URL cannot be used",
    ValueError: "the URL cannot be used",
}
OTHER_REASON = "the request failed"


class Forbidden(OSError):
    """The target's address is private, and such targets are not allowed."""


def open_session(seconds: float, connections: int, *, allow_private: bool) -> aiohttp.ClientSession:
    """A session whose requests take at most `seconds`; it keeps no cookies and heeds no environment."""

    def make_socket(address: Any) -> socket.socket:
        # Here, with the address that is connected to: a name may lead elsewhere when it is asked again.
        family, kind, protocol, _, where = address
        if not allow_private and is_private(where[0]):
            raise Forbidden("the target's address is private")
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, socket_factory=make_socket),
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=ANNOUNCED,
        # Answers are read by `decoded`, which is bounded.
        auto_decompress=False,
        trust_env=False,
    )


def reason_of(error: Exception) -> str:
    """Why a request failed, in our words: the library's may hold anything, a URL with a password for one."""
    cause = error.__cause__ or error
    if isinstance(cause, Forbidden | BadEncoding):
        return str(cause)
    known = next((reason for kind, reason in REASONS.items() if isinstance(error, kind)), None)
    number = getattr(cause, "errno", None)
    return known or (os.strerror(number).lower() if isinstance(number, int) and number > 0 else OTHER_REASON)
