"""Listening sockets, and the URL that clients reach one by."""

import errno
import socket

from parlour.config import BadSetting, Config

BACKLOG = 2_048


def listen(config: Config, port: int | None = None, *, shares: bool = False) -> socket.socket:
    """Return a socket that listens on the host of the settings; the port is theirs unless one is given.

    With `shares`, several sockets may listen on the port, and the system spreads new connections over them.
    Raises BadSetting if the address cannot be listened on.
    """
    port = config.port if port is None else port
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, port), family=family, backlog=BACKLOG, reuse_port=shares)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", error)
        advice = advice_for(error, "--port" if port == config.port else "--intercept-port")
        raise BadSetting(f"cannot listen on {config.host}:{port}: {reason}. {advice}") from None


def advice_for(error: Exception, option: str) -> str:
    """Return what to do about an address that cannot be listened on."""
    match getattr(error, "errno", None):
        case errno.EADDRINUSE:
            return f"Stop the program that uses it, or choose another port with {option}; 0 takes a free one"
        case errno.EACCES:
            return f"Ports below 1024 are reserved: choose a higher one with {option}"
        case _:
            return "--host must be an address of this machine, such as 127.0.0.1 or 0.0.0.0"


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def public_url(config: Config, port: int) -> str:
    """Return the public URL of the settings, without a slash at its end, or else the URL of the port."""
    if config.public_url is not None:
        return config.public_url.rstrip("/")
    return url_of(config, port, scheme_of(config))


def scheme_of(config: Config) -> str:
    """Return the scheme of the main port."""
    return "http" if config.tls_certificate is None else "https"


def url_of(config: Config, port: int, scheme: str = "http") -> str:
    """Return the URL of a port on this machine; where all addresses are listened on, that of loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.host, config.host)  # noqa: S104 - it is compared
    return f"{scheme}://{f'[{host}]' if ':' in host and '[' not in host else host}:{port}"
