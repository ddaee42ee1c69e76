"""The head of a request: its limits, and the rules of RFC 9112 that the parser does not check."""

import re

from parlour import errors

# Request line, headers and line ends together; a longer head is refused.
MAX_HEAD_BYTES = 16_384
MAX_URL_BYTES = 8_192
# Headers of a request and trailers of its chunked body, together.
MAX_HEADERS = 100

VERSIONS = {"1.0", "1.1"}
METHODS = {b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE"}
ABSOLUTE_URL = re.compile(rb"https?://(?:[^/?#@]*@)?([^/?#@]+)([^#]*)", re.IGNORECASE)

# The errors of httptools for a head that it stops to read, and ours.
BY_REASON = {
    "Invalid method encountered": errors.METHOD_NOT_IMPLEMENTED,
    "Invalid method for HTTP/x.x request": errors.METHOD_NOT_IMPLEMENTED,
    "Invalid HTTP version": errors.VERSION_NOT_SUPPORTED,
    "Pause on PRI/Upgrade": errors.VERSION_NOT_SUPPORTED,
}

Headers = list[tuple[bytes, bytes]]


def error_for(reason: str, data: bytes) -> errors.ApiError:
    """Return the error for `data` that the parser refused for `reason`."""
    problem = BY_REASON.get(reason)
    if problem is None or not data[:1].isalpha():
        # The parser's text is about its own states.
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
    """Return the path and query of an absolute URL; its host becomes `headers`' Host (RFC 9112 §3.2.2).

    Returns `*` as it is. Raises INVALID_REQUEST for anything else.
    """
    if url == b"*":
        return url
    match = ABSOLUTE_URL.fullmatch(url.partition(b"#")[0])
    if match is None:
        raise errors.INVALID_REQUEST(reason="its URL is neither a path nor that of a host")
    authority, path = match.groups()
    headers[:] = [(name, authority if name == b"host" else value) for name, value in headers]
    return path if path.startswith(b"/") else b"/" + path


def without_offer(version: str, method: bytes, url: bytes, headers: Headers) -> bytes:
    """Return the bytes of the same head without its Upgrade header."""
    lines = [b"%s %s HTTP/%s" % (method, url, version.encode())]
    lines += [b"%s: %s" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join([*lines, b"", b""])
