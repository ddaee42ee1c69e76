"""What a server stands on: its storage, its socket, its accounts, and what goes on beside it."""

import contextlib
import dataclasses
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import structlog

from parlour import background
from parlour.config import Config
from parlour.control import Controls
from parlour.resources.accounts import (
    create_account,
    find_account,
    is_being_deleted,
    list_accounts,
    sealed_tokens,
)
from parlour.resources.purge import MAX_PURGE_DAYS, Purger, Terms
from parlour.resources.remover import Remover
from parlour.store import Database, Transaction
from parlour.store.blobs import Blobs, open_blobs
from parlour.store.credentials import Account, Vault, read_key
from parlour.store.engine import Engine
from parlour.store.migrate import migrate
from parlour.store.sqlite import SQLite
from parlour.wire.sids import is_account_sid
from parlour.wire.urls import is_http_url
from parlour.worker import WorkerThread, start_worker

FIRST_ACCOUNT_NAME = "My account"
BACKLOG = 2_048

log = structlog.get_logger()


class BadSetting(Exception):
    """A setting that cannot be meant."""


def open_vault(config: Config, *, may_make_key: bool) -> Vault:
    return Vault(config.secret_key or read_key(config.beside("key"), may_make=may_make_key))


def open_database(config: Config, controls: Controls | None = None) -> Database:
    """The database, brought to this program's schema."""
    engine = open_engine(config)
    for name in migrate(engine):
        log.debug("migrated", migration=name)
    return Database(engine) if controls is None else Database(engine, controls.clock, controls.sids)


def open_engine(config: Config) -> Engine:
    if config.is_on_a_server:
        from parlour.store.postgresql import PostgreSQL  # noqa: PLC0415 - large, and of no use to most

        return PostgreSQL(config.database)
    path = Path(config.database)
    if not path.parent.is_dir():
        raise BadSetting(f"there is no folder {path.parent} for the database")
    return SQLite(path)


def open_media(config: Config) -> Blobs:
    """Where media are kept; a directory is made if it is missing."""
    return open_blobs(config.media or str(config.beside("media")))


def terms_of(config: Config) -> Terms:
    if config.unattached_hours < 0 or not 0 <= config.purge_days <= MAX_PURGE_DAYS:
        raise BadSetting(f"hours and days must not be negative, days to the purge at most {MAX_PURGE_DAYS}")
    return Terms(config.unattached_hours, config.purge_days)


def ensure_account(tx: Transaction, vault: Vault, config: Config) -> tuple[Account, str] | None:
    """Make the first account, or the one that is preset; None when there was nothing to make."""
    sid, token = config.account_sid, config.auth_token
    if sid is not None and not is_account_sid(sid):
        raise BadSetting("PARLOUR_ACCOUNT_SID must be AC and 32 hex digits")
    accounts = list_accounts(tx)
    if sid is None and accounts:
        return None
    known = None if sid is None else find_account(tx, sid)
    if known is None and is_being_deleted(tx, sid):
        raise BadSetting(f"account {sid} was deleted and is not removed yet: finish it with `parlour purge`")
    if known is None:
        return create_account(tx, vault, FIRST_ACCOUNT_NAME, sid, token)
    if token is not None and vault.unseal(known.sealed_auth_token) != token:
        log.warning("auth_token_differs", account_sid=sid, used="the one in the database")
    return None


def open_fitting_vault(database: Database, config: Config) -> Vault:
    """The vault that opens every auth token; raises VaultError now, and not at the first request."""
    sealed = database.run(sealed_tokens)
    vault = open_vault(config, may_make_key=not sealed)
    for each in sealed:
        vault.unseal(each)
    return vault


class Ground(NamedTuple):
    """What a server stands on, and the account that was made for it."""

    database: Database
    vault: Vault
    blobs: Blobs
    url: str
    made: tuple[Account, str] | None


@contextlib.contextmanager
def grounded(config: Config, listener: socket.socket, controls: Controls | None = None) -> Iterator[Ground]:
    """The storage at this program's schema, and what goes on beside the answering of requests."""
    database = open_database(config, controls)
    try:
        vault = open_fitting_vault(database, config)
        made = database.run(lambda tx: ensure_account(tx, vault, config))
        ensure_webhook_settings(config)
        blobs, url = open_media(config), public_url(config, listener)
        holder = f"{socket.gethostname()}:{listener.getsockname()[1]}"
        known = with_url(config, url)
        with (
            Purger(database, blobs, terms_of(config), holder),
            Remover(database, holder),
            working(background.Parts(known, database, vault, blobs)),
        ):
            yield Ground(database, vault, blobs, url, made)
    finally:
        database.close()


def ensure_webhook_settings(config: Config) -> None:
    if not 0 <= config.webhook_keep_days <= MAX_PURGE_DAYS:
        raise BadSetting(f"webhooks may be kept for 0 to {MAX_PURGE_DAYS} days")
    if config.studio_url is not None and not is_http_url(config.studio_url.replace("{FlowSid}", "FW")):
        raise BadSetting("the studio URL must be http:// or https://, a host and perhaps a path")
    try:
        config.retry_delays()
    except ValueError as error:
        raise BadSetting(f"the webhook delays must be seconds, with blanks between them: {error}") from None


@contextlib.contextmanager
def working(parts: background.Parts) -> Iterator[None]:
    """What leaves is carried for the time of the block; under control, by the clock that is controlled."""
    background.ensure_channels(parts)
    worker = WorkerThread(parts) if parts.config.control else start_worker(parts.config)
    try:
        yield
    finally:
        worker.stop()


def listen(config: Config, port: int | None = None, *, shares: bool = False) -> socket.socket:
    """A socket that listens; one that `shares` gets a part of the connections that come to its port."""
    port = config.port if port is None else port
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, port), family=family, backlog=BACKLOG, reuse_port=shares)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", error)
        raise BadSetting(f"cannot listen on {config.host}:{port}: {reason}") from None


def public_url(config: Config, listener: socket.socket) -> str:
    if config.public_url is not None:
        if not is_http_url(config.public_url) or set("?#").intersection(config.public_url):
            raise BadSetting("the public URL must be http:// or https://, a host and perhaps a path")
        return config.public_url.rstrip("/")
    return url_of(config, listener.getsockname()[1])


def with_url(config: Config, url: str) -> Config:
    """The settings for processes beside the server: with its URL, and with what `auto` stands for.

    Both at once: to `allows_private` a public URL that was filled in would look like one that was given.
    """
    private: Literal["allow", "forbid"] = "allow" if background.allows_private(config) else "forbid"
    return dataclasses.replace(config, public_url=url, webhook_private=private)


def url_of(config: Config, port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.host, config.host)  # noqa: S104 - it is compared
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{port}"
