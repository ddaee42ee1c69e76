"""Checks of single settings. Each raises ValueError with a reason that completes "<setting> …"."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from parlour.wire.sids import is_account_sid
from parlour.wire.urls import host_as_sent, is_host_name, is_http_url

Check = Callable[[Any], None]

MAX_DELAY_SECONDS = 24 * 60 * 60
KEY_BYTES = 32
POSTGRESQL = ("postgresql://", "postgres://")
SQLITE = "sqlite:///"
# SQLite's name of a database that is not kept.
IN_MEMORY = ":memory:"
DATABASES = "a file, sqlite:///file or postgresql://user@host/name"
# Words of --allowed-hosts. The first two stand alone.
AUTO_HOSTS, NO_HOSTS, LOCAL_HOSTS, ALL_HOSTS = "auto", "none", "local", "*"
SUBDOMAINS = "*."
# The target of an --intercept-route whose host is answered with an error.
REFUSE = "refuse"


def between(least: int, most: int, unit: str = "") -> Check:
    def check(value: int) -> None:
        if not least <= value <= most:
            raise ValueError(f"must be {least:,} to {most:,} {unit}".rstrip())

    return check


def not_empty(value: str) -> None:
    if not value.strip():
        raise ValueError("must not be empty")


def http_url(value: str) -> None:
    if not is_http_url(value):
        raise ValueError("must be http:// or https://, a host and perhaps a path, without blanks")


def public_url(value: str) -> None:
    if not is_http_url(value) or set("?#").intersection(value):
        raise ValueError("must be http:// or https://, a host and perhaps a path")


def allowed_hosts(value: str) -> None:
    words = value.lower().split()
    if words in ([AUTO_HOSTS], [NO_HOSTS]):
        return
    if not words or {AUTO_HOSTS, NO_HOSTS}.intersection(words) or not all(map(is_allowed_host, words)):
        raise ValueError(
            "must be auto, none, or hosts without ports and with blanks between them: local, names, *.names,"
            " addresses, or * for all"
        )


def is_allowed_host(word: str) -> bool:
    if word == ALL_HOSTS:
        return True
    host = word.removeprefix(SUBDOMAINS)
    try:
        is_sent_as_it_is = host_as_sent(host) == host
    except ValueError:
        return False
    return is_sent_as_it_is and (host == word or is_host_name(host))


def routes(value: str) -> None:
    try:
        read_routes(value)
    except ValueError:
        raise ValueError(
            "must be HOST=http://127.0.0.1:9000 or HOST=refuse; HOST is a name or *.name, and the URL has no"
            " path"
        ) from None


def read_routes(value: str) -> dict[str, str]:
    """Return the target of each host, in lower case. Raises ValueError."""
    found = {}
    for word in value.split():
        host, _, target = word.partition("=")
        name = host.lower().removeprefix(SUBDOMAINS)
        if not name.isascii() or not is_host_name(name) or (target != REFUSE and not is_server(target)):
            raise ValueError(word)
        found[host.lower()] = target
    return found


def is_server(target: str) -> bool:
    """Whether a text is the http or https URL of a server, without a user, a path or a query."""
    return is_http_url(target) and re.fullmatch(r"https?://[^/?#@]+/?", target) is not None


def studio_url(value: str) -> None:
    http_url(value.replace("{FlowSid}", "FW"))


def database(value: str) -> None:
    """Accept the name of an SQLite file or the URL of a PostgreSQL database."""
    scheme, is_url, _ = value.partition("://")
    if value.startswith(POSTGRESQL):
        try:
            from parlour.store.postgresql import ensure_url  # noqa: PLC0415 - large; only needed with PostgreSQL
        except ModuleNotFoundError:
            raise ValueError("needs a package for PostgreSQL: pip install 'parlour[postgresql]'") from None
        ensure_url(value)
    elif scheme == "sqlite" or value.startswith("sqlite:"):
        raise ValueError("with sqlite: must be sqlite:///file, or sqlite:////folder/file, without options")
    elif is_url:
        raise ValueError(f"does not support {scheme}://; it must be {DATABASES}")
    elif value in {"", IN_MEMORY}:
        raise ValueError(f"must be {DATABASES}")


def without_sqlite_scheme(value: str) -> str:
    """Return the file that sqlite:///file names; any other value as it is, for the check to judge."""
    file = value.removeprefix(SQLITE)
    return value if file in {"", IN_MEMORY} or "?" in file else file


def delays(value: str) -> None:
    try:
        read_delays(value)
    except ValueError:
        raise ValueError("must be seconds with blanks between them, each between 0 and a day") from None


def read_delays(value: str) -> tuple[float, ...]:
    """Return the numbers of seconds in a text. Raises ValueError."""
    seconds = tuple(map(float, value.split()))
    if not all(0 <= each <= MAX_DELAY_SECONDS for each in seconds):
        raise ValueError("a delay must be between 0 and a day")
    return seconds


def account_sid(value: str) -> None:
    if not is_account_sid(value):
        raise ValueError("must be AC and 32 hex digits")


def auth_token(value: str) -> None:
    if not (value.isascii() and value.isprintable()) or has_blanks(value):
        raise ValueError("must be printable ASCII characters without blanks")


def secret_key(value: str) -> None:
    try:
        size = len(base64.b64decode(value, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if size != KEY_BYTES:
        raise ValueError(f"must be {KEY_BYTES} bytes in URL-safe base64")


def has_blanks(value: str) -> bool:
    return any(each.isspace() for each in value)
