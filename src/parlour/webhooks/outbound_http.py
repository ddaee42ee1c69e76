"""Connections to hosts that callers name: never to a private address, unless that is allowed."""

import os
import socket
from typing import Any

import aiohttp

from parlour.webhooks.encodings import REQUEST_HEADERS, BadEncoding
from parlour.webhooks.private_addresses import is_private

# The first class that fits an error gives the reason. Others have an error number of the system, or none.
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
    """The host's address is private, and requests to private addresses are not allowed."""


def open_session(seconds: float, connections: int, *, allow_private: bool) -> aiohttp.ClientSession:
    """Return a session for requests of at most `seconds` each, over at most so many connections.

    It keeps no cookies and ignores proxies of the environment. Its requests raise Forbidden for a private
    address, unless `allow_private`.
    """

    def make_socket(address: Any) -> socket.socket:
        # Checked for the address that is connected to: a second look-up of the name may return another one.
        family, kind, protocol, _, where = address
        if not allow_private and is_private(where[0]):
            raise Forbidden("the target's address is private")
        return socket.socket(family, kind, protocol)

    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, socket_factory=make_socket),
        timeout=aiohttp.ClientTimeout(total=seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=REQUEST_HEADERS,
        # Replies are decoded by `decoded`, whose memory is bounded.
        auto_decompress=False,
        trust_env=False,
    )


def reason_of(error: Exception) -> str:
    """Return why a request failed, in our words: the library's may hold anything, a password in a URL too."""
    cause = error.__cause__ or error
    if isinstance(cause, Forbidden | BadEncoding):
        return str(cause)
    known = next((reason for kind, reason in REASONS.items() if isinstance(error, kind)), None)
    number = getattr(cause, "errno", None)
    return known or (os.strerror(number).lower() if isinstance(number, int) and number > 0 else OTHER_REASON)
