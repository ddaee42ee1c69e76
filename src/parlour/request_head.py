"""What the head of a request must be: its limits, and the rules of RFC 9112 that the parser leaves to us."""

import re

from parlour import errors

# Request line, headers and line ends together; an endless one is cut off here.
MAX_HEAD_BYTES = 16_384
MAX_URL_BYTES = 8_192
# Trailers of a chunked body count too.
MAX_HEADERS = 100

VERSIONS = {"1.0", "1.1"}
METHODS = {b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE"}
ABSOLUTE_URL = re.compile(rb"https?://(?:[^/?#@]*@)?([^/?#@]+)([^#]*)", re.IGNORECASE)

# What httptools says of a head that it does not read to its end.
BY_REASON = {
    "Invalid method encountered": errors.METHOD_NOT_IMPLEMENTED,
    "Invalid method for HTTP/x.x request": errors.METHOD_NOT_IMPLEMENTED,
    "Invalid HTTP version": errors.VERSION_NOT_SUPPORTED,
    "Pause on PRI/Upgrade": errors.VERSION_NOT_SUPPORTED,
}

Headers = list[tuple[bytes, bytes]]


def error_for(reason: str, data: bytes) -> errors.ApiError:
    """The error for bytes that the parser refused."""
    problem = BY_REASON.get(reason)
    if problem is None or not data[:1].isalpha():
        # The parser's words are about its own states.
        return errors.INVALID_REQUEST(reason="it is not valid HTTP")
    return problem()


def ensure_head_is_valid(version: str, method: bytes, hosts: int) -> None:
    """Raise 505 for another version, 501 for another method, 400 unless one Host names the server."""
    if version not in VERSIONS:
        raise errors.VERSION_NOT_SUPPORTED()
    if method not in METHODS:
        raise errors.METHOD_NOT_IMPLEMENTED()
    if hosts != 1 and (hosts or version == "1.1"):
        raise errors.INVALID_REQUEST(reason="it must have one Host header")


def in_origin_form(url: bytes, headers: Headers) -> bytes:
    """The path and query of an absolute URL, whose host takes the place of `Host` (RFC 9112 §3.2.2)."""
    if url == b"*":
        return url
    match = ABSOLUTE_URL.fullmatch(url.partition(b"#")[0])
    if match is None:
        raise errors.INVALID_REQUEST(reason="its URL is neither a path nor that of a host")
    authority, path = match.groups()
    headers[:] = [(name, authority if name == b"host" else value) for name, value in headers]
    return path if path.startswith(b"/") else b"/" + path


def without_offer(version: str, method: bytes, url: bytes, headers: Headers) -> bytes:
    """The same head again, but it offers no other protocol."""
    lines = [b"%s %s HTTP/%s" % (method, url, version.encode())]
    lines += [b"%s: %s" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join([*lines, b"", b""])
