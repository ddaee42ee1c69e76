"""What a server stands on: its storage, its socket, its accounts, and what goes on beside it."""

import contextlib
import dataclasses
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import structlog

from parlour.config import BadSetting, Config
from parlour.control import Controls
from parlour.resources.accounts import (
    create_account,
    find_account,
    is_being_deleted,
    list_accounts,
    sealed_tokens,
)
from parlour.resources.purge import Purger, Terms
from parlour.resources.remover import Remover
from parlour.startup_checks import ensure_database_place
from parlour.store import Database, Transaction
from parlour.store.blobs import MARKER, BadPlace, Blobs, open_blobs, owner_of
from parlour.store.credentials import Account, Vault, read_key
from parlour.store.engine import Engine
from parlour.store.identity import ensure_identity, find_identity
from parlour.store.migrate import is_current, migrate
from parlour.store.sqlite import SQLite
from parlour.worker import run as background
from parlour.worker.process import WorkerThread, start_worker

FIRST_ACCOUNT_NAME = "My account"
BACKLOG = 2_048

log = structlog.get_logger()


def open_vault(config: Config, *, may_make_key: bool) -> Vault:
    return Vault(config.secret_key or read_key(config.beside("key"), may_make=may_make_key))


def open_engine(config: Config, *, yields: bool = False) -> Engine:
    """The storage, which may be missing. Writers of one that `yields` let other processes go first."""
    if config.is_on_a_server:
        from parlour.store.postgresql import PostgreSQL  # noqa: PLC0415 - large, and of no use to most

        return PostgreSQL(config.database)
    path = Path(config.database)
    ensure_database_place(path)
    return SQLite(path, yields=yields)


def make_engine(config: Config) -> Engine:
    """The storage at this program's schema; a database that is missing is made.

    Only for `serve`, and for the commands that create accounts or bring them along.
    """
    engine = open_engine(config)
    for name in migrate(engine):
        log.debug("migrated", migration=name)
    return engine


def find_engine(config: Config, *, yields: bool = False) -> Engine:
    """The storage at this program's schema; raises BadSetting if there is no database. Makes none."""
    engine = open_engine(config, yields=yields)
    if not engine.exists():
        raise BadSetting(f"there is no database {engine.name}")
    if not is_current(engine):
        migrate(engine)
    return engine


def open_media(config: Config, identity: str) -> Blobs:
    """Where media are kept: made if it is missing, and marked as the database's; raises BadPlace."""
    ensure_its_media(config, identity)
    blobs = open_blobs(config.media_place())
    blobs.claim(identity)
    # Another may have been faster.
    ensure_its_media(config, identity)
    return blobs


def find_media(config: Config, database: Database) -> Blobs:
    """Where the media of a database are; raises BadPlace if no server has kept any there. Makes nothing."""
    place, identity = config.media_place(), database.run(find_identity)
    ensure_its_media(config, identity)
    if owner_of(place) is None:
        raise BadPlace(
            f"no server was started yet with this database and the media in {place}: start it once"
        )
    return open_blobs(place)


def ensure_its_media(config: Config, identity: str | None) -> None:
    """Raise BadPlace if the media belong to another database than this one; None has no identity yet."""
    place = config.media_place()
    owner = owner_of(place)
    if owner in {None, identity}:
        return
    name = open_engine(config).name
    which = "which is new" if identity is None else f"which is {identity}"
    raise BadPlace(
        f"the media in {place} belong to the database {owner}, not to {name}, {which}: start with the"
        f" database or the --media that was meant. If they are to belong to {name} from now on, remove"
        f" {place.rstrip('/')}/{MARKER} and start again"
    )


def terms_of(config: Config) -> Terms:
    return Terms(config.unattached_hours, config.purge_days)


def ensure_account(tx: Transaction, vault: Vault, config: Config) -> tuple[Account, str] | None:
    """Make the first account, or the one that is preset; None when there was nothing to make."""
    sid, token = config.account_sid, config.auth_token
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
    """The vault that opens every auth token; a key is made only while there is none to open.

    Raises VaultError now, and not at the first request.
    """
    sealed = database.run(sealed_tokens)
    vault = open_vault(config, may_make_key=not sealed)
    for each in sealed:
        vault.unseal(each)
    return vault


class Ground(NamedTuple):
    """What a server stands on."""

    config: Config
    database: Database
    vault: Vault
    blobs: Blobs
    url: str

    def ensure_account(self) -> tuple[Account, str] | None:
        """The account that was made now, and its token.

        It comes last, when nothing else can fail: whoever made it can show its token only once.
        """
        return self.database.run(lambda tx: ensure_account(tx, self.vault, self.config))


@contextlib.contextmanager
def grounded(config: Config, listener: socket.socket, controls: Controls | None = None) -> Iterator[Ground]:
    """The storage at this program's schema, and what goes on beside the answering of requests."""
    database = make_database(config, controls)
    try:
        identity = database.run(ensure_identity)
        ensure_its_media(config, identity)
        vault = open_fitting_vault(database, config)
        blobs, url = open_media(config, identity), public_url(config, listener)
        holder = f"{socket.gethostname()}:{listener.getsockname()[1]}"
        known = with_url(config, url)
        with (
            Purger(database, blobs, terms_of(config), holder),
            Remover(database, holder),
            working(background.Parts(known, database, vault, blobs)),
        ):
            yield Ground(config, database, vault, blobs, url)
    finally:
        database.close()


def make_database(config: Config, controls: Controls | None) -> Database:
    """The database of a server; raises what keeps one from starting before anything is made."""
    engine = open_engine(config)
    engine.ensure_whole()
    if not engine.exists():
        ensure_its_media(config, None)
    engine = make_engine(config)
    return Database(engine) if controls is None else Database(engine, controls.clock, controls.sids)


@contextlib.contextmanager
def working(parts: background.Parts) -> Iterator[None]:
    """What leaves is carried for the time of the block; under control, by the clock that is controlled."""
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
