"""URLs of web servers: which are valid, and how they look on the wire."""

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import SplitResult, quote, urlsplit

import idna

MAX_PORT = 65_535
NO_HOST = "the URL has no valid host"
MAX_HOST_CHARACTERS = 253

BLANK_OR_CONTROL = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# The standard allows no underscores in host names, but container networks use them.
LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)
# Programs parse a host that ends like this as an IPv4 address, each in its own forms.
NUMBER = re.compile(r"\d+|0[xX][0-9A-Fa-f]*", re.ASCII)
PORT = re.compile(r"[1-9]\d{0,4}", re.ASCII)
USER = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:%-]+", re.ASCII)


def is_http_url(raw: str) -> bool:
    """Whether a text is an absolute http or https URL."""
    try:
        as_sent(raw)
    except ValueError:
        return False
    return True


def as_sent(raw: str) -> str:
    """Return the URL as it is sent: its host encoded by IDNA, the rest percent-encoded.

    The result has a path and no fragment. Raises ValueError with the reason if `raw` is not a valid http or
    https URL.
    """
    if BLANK_OR_CONTROL.search(raw):
        raise ValueError("a URL must not contain blanks or control characters")
    try:
        parts = urlsplit(raw.partition("#")[0])
    except ValueError:
        raise ValueError(NO_HOST) from None
    if parts.scheme not in {"http", "https"}:
        raise ValueError("the URL must begin with http:// or https://")
    encoded = urlsplit(quote(parts._replace(netloc="host").geturl(), safe="%/:?[]@!$&'()*+,;=~"))
    return encoded._replace(netloc=netloc_as_sent(parts), path=encoded.path or "/").geturl()


def netloc_as_sent(parts: SplitResult) -> str:
    """Return the encoded authority: user and password, host and port. Raises ValueError."""
    user, at, place = parts.netloc.rpartition("@")
    if at and not USER.fullmatch(user):
        raise ValueError("the user and password in the URL must be percent-encoded")
    # A colon within brackets is part of an IPv6 address.
    host, colon, port = place.rpartition(":")
    if not colon or port.endswith("]"):
        return f"{user}{at}{host_as_sent(place)}"
    if not PORT.fullmatch(port) or int(port) > MAX_PORT:
        raise ValueError(f"the port must be a number from 1 to {MAX_PORT}")
    return f"{user}{at}{host_as_sent(host)}:{port}"


def host_as_sent(host: str) -> str:
    """Return a host name encoded by IDNA, or an IP address unchanged. Raises ValueError if it is neither."""
    if host.startswith("[") and host.endswith("]"):
        ensure_address(ipaddress.IPv6Address, host[1:-1].replace("%", " "))
        return host
    name = host if host.isascii() else to_ascii(host)
    if ends_in_number(name):
        ensure_address(ipaddress.IPv4Address, host)
    elif not has_valid_labels(name):
        raise ValueError(NO_HOST)
    return name


def ensure_address(kind: Callable[[str], object], text: str) -> None:
    """Raise ValueError unless a text is an IP address in its usual form: no octal numbers, no zone."""
    try:
        kind(text)
    except ValueError:
        raise ValueError("the host is not an IP address in its usual form") from None


def is_host_name(text: str) -> bool:
    """Whether a text is a host name and no IP address; a name that is not ASCII is encoded by IDNA."""
    try:
        name = text if text.isascii() else to_ascii(text)
    except ValueError:
        return False
    return has_valid_labels(name) and not ends_in_number(name)


def has_valid_labels(name: str) -> bool:
    labels = name.removesuffix(".").split(".")
    return len(name) <= MAX_HOST_CHARACTERS and all(map(LABEL.fullmatch, labels))


def ends_in_number(name: str) -> bool:
    return NUMBER.fullmatch(name.rstrip(".").rpartition(".")[2]) is not None


def to_ascii(host: str) -> str:
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise ValueError(NO_HOST) from None
