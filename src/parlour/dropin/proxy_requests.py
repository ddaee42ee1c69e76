"""Requests to the proxy: their first line and URL, and the head that is forwarded."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from parlour import errors
from parlour.wire.urls import MAX_HOST_CHARACTERS

# Headers that are not forwarded: those for the proxy, and the host, which is taken from the URL.
DROPPED_HEADERS = (
    b"connection:",
    b"host:",
    b"keep-alive:",
    b"proxy-authorization:",
    b"proxy-connection:",
    b"upgrade:",
)
# A name, wider than the standard's as other programs accept it, or an IP address without its brackets. What
# passes can be looked up, written into a certificate and shown in the log.
HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.ASCII)


class HostPort(NamedTuple):
    host: str
    port: int


class RequestedUrl(NamedTuple):
    scheme: str
    host: str
    port: int | None


def request_line(head: bytes) -> tuple[str, str]:
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != len(("method", "target", "version")) or not words[2].startswith("HTTP/1."):
        raise errors.INVALID_REQUEST(reason="it is not valid HTTP")
    return words[0], words[1]


def split_url(url: str, reason: str) -> RequestedUrl:
    """Return the scheme, host and port of an absolute URL. Raises 400/20001 if it is not one."""
    try:
        split = urlsplit(url)
        host, port = split.hostname, split.port
    except ValueError:
        host, port = None, None
    if host is None or len(host) > MAX_HOST_CHARACTERS or not HOST.fullmatch(host):
        raise errors.INVALID_REQUEST(reason=reason)
    return RequestedUrl(split.scheme, host, port)


def rewrite_head(head: bytes) -> bytes:
    """Return the head to forward: with a path instead of the URL, and without headers for the proxy.

    The connection ends after this request. `Host` is the one of the URL, whichever the client has sent
    (RFC 9112 §3.2.2).
    """
    first, _, rest = head.partition(b"\r\n")
    method, target, version = first.split(b" ")
    url = urlsplit(target.decode("latin-1"))
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    kept = [line for line in rest.split(b"\r\n") if line and not line.lower().startswith(DROPPED_HEADERS)]
    host = b"Host: " + url.netloc.rpartition("@")[2].encode("latin-1")
    lines = [b" ".join((method, path.encode("latin-1"), version)), host, *kept, b"Connection: close"]
    return b"\r\n".join(lines) + b"\r\n\r\n"
