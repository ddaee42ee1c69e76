"""Checks of a server's settings against each other and against the machine, before anything is created.

`check_startup` is the one place: it opens no port and no database, and writes nothing. The check of a
single value is declared with the setting, in `config.py`, and made when the setting is read.
"""

from pathlib import Path
from typing import Any

from parlour.channels.adapter import AdapterContext, BadChannel
from parlour.channels.registry import open_adapters
from parlour.config import BadSetting, Config
from parlour.dropin.hosts import is_service_host
from parlour.setting_checks import read_routes
from parlour.store.blobs import BadPlace, ensure_place
from parlour.store.credentials import Vault


def check_startup(config: Config) -> None:
    """Raise BadSetting, or VaultError, for the first reason why a server cannot start with the settings."""
    if config.workers > 1 and (config.control or config.intercept):
        raise BadSetting("with --control or --intercept there is one process: --workers must be 1")
    if not config.uses_postgresql:
        check_database_place(Path(config.database))
    check_key(config)
    try:
        ensure_place(config.media_place())
        check_channels(config)
    except (BadPlace, BadChannel) as error:
        raise BadSetting(str(error)) from None
    check_authority(config)
    check_routes(config)
    check_certificate(config)


def check_database_place(path: Path) -> None:
    """Raise BadSetting if no SQLite file can be at this path."""
    if not path.parent.is_dir():
        raise BadSetting(
            f"there is no folder {path.parent} for the database: create it, or name another file with"
            " --database"
        )
    if path.is_dir():
        raise BadSetting(
            f"the database {path} is a folder: name a file with --database, such as {path / 'parlour.db'}"
        )


def check_key(config: Config) -> None:
    """Raise VaultError if there is a file of the secret key and it holds no key."""
    path = config.beside("key")
    if config.secret_key is None and path.exists():
        Vault(path.read_text().strip())


def check_channels(config: Config) -> None:
    """Raise BadChannel if an adapter is missing, or cannot be created with the settings."""

    def not_yet(*_: object) -> Any:
        raise RuntimeError("an adapter may use its context only in `send` and `reports`")

    open_adapters(config.channels, AdapterContext(config.for_adapters(), not_yet, not_yet, not_yet))
    if config.smtp_url is not None:
        from parlour.channels.smtp import read_server  # noqa: PLC0415 - only needed with this setting

        read_server(config.smtp_url)


def check_authority(config: Config) -> None:
    """Raise BadSetting if the folder of the local certificate authority cannot be used."""
    folder = config.authority_folder()
    if folder.exists() and not folder.is_dir():
        raise BadSetting(f"the authority {folder} is not a folder")
    if not config.intercept:
        return
    from parlour.dropin.authority import ensure_readable  # noqa: PLC0415 - large; only needed with --intercept

    for name in ("authority.pem", "server.pem"):
        try:
            ensure_readable(folder / name)
        except (OSError, TypeError, ValueError):
            raise BadSetting(
                f"{folder / name} cannot be read as a certificate and its key: remove it, and it is made anew"
            ) from None


def check_routes(config: Config) -> None:
    """Raise BadSetting if a host of the service itself has a route, or nothing is intercepted."""
    if config.intercept_route and not config.intercept:
        raise BadSetting("--intercept-route is of no use without --intercept")
    for host in filter(is_service_host, read_routes(config.intercept_route)):
        raise BadSetting(f"--intercept-route: {host} is served by Parlour itself")


def check_certificate(config: Config) -> None:
    """Raise BadSetting if the certificate of the main port cannot be used, or there is only its key."""
    if config.tls_certificate is not None:
        from parlour.http.certificates import read_context  # noqa: PLC0415 - large; only needed with TLS

        read_context(config.tls_certificate, config.tls_key)
    elif config.tls_key is not None:
        raise BadSetting("--tls-key is of no use alone: name the certificate's file with --tls-certificate")
