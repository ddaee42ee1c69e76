"""Opens what the settings name: the database, the vault and the media store, as one bundle of parts."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from parlour.config import BadSetting, Config
from parlour.control.controls import Controls
from parlour.http.sockets import public_url
from parlour.resources.accounts import (
    Account,
    find_account,
    is_being_deleted,
    list_accounts,
    sealed_tokens,
)
from parlour.resources.default_roles import complete_services
from parlour.resources.new_accounts import create_account
from parlour.startup_checks import check_database_place
from parlour.store import Database, Transaction
from parlour.store.blobs import MARKER, BadPlace, Blobs, open_blobs, owner_of
from parlour.store.credentials import Vault, read_key
from parlour.store.engine import Engine
from parlour.store.identity import ensure_identity, find_identity
from parlour.store.migrate import is_current, migrate
from parlour.store.sqlite import SQLite

FIRST_ACCOUNT_NAME = "My account"

log = structlog.get_logger()


@dataclass(frozen=True)
class Parts:
    """What the web application and the delivery worker are built from.

    `config` holds the settings in effect (`Config.in_effect`), `controls` is there with --control only.
    """

    config: Config
    database: Database
    vault: Vault
    blobs: Blobs
    controls: Controls | None = None

    @property
    def url(self) -> str:
        """The URL that clients reach the server by."""
        return self.config.public_url or ""


@contextlib.contextmanager
def open_server_parts(config: Config, port: int) -> Iterator[Parts]:
    """Open the parts of a server for the time of the block, and create those that are missing.

    `port` is the one that the server listens on. Raises BadPlace if the media belong to another database,
    and VaultError if the key is not the one that the auth tokens were sealed with.
    """
    config = config.in_effect(public_url(config, port))
    controls = Controls(keep_bodies=config.request_bodies) if config.control else None
    database = open_server_database(config, controls)
    try:
        identity = database.run(ensure_identity)
        database.run(complete_services)
        ensure_media_fit(config, identity)
        vault = open_fitting_vault(database, config)
        blobs = create_media(config, identity)
        yield Parts(config, database, vault, blobs, controls)
    finally:
        database.close()


@contextlib.contextmanager
def open_existing_parts(config: Config, *, yields: bool = False) -> Iterator[Parts]:
    """Open the parts of a server in another process of it. Creates nothing.

    With `yields`, writes leave room for those of other processes. Raises BadSetting if there is no
    database.
    """
    config = config.in_effect(public_url(config, config.port))
    database = Database(find_engine(config, yields=yields))
    try:
        vault = open_vault(config, may_create_key=False)
        yield Parts(config, database, vault, open_blobs(config.media_place()))
    finally:
        database.close()


def open_server_database(config: Config, controls: Controls | None) -> Database:
    """Return the database at this program's schema; one that is missing is created.

    Raises Damaged for one that cannot be read, and BadPlace if the media belong to another database.
    """
    engine = open_engine(config)
    engine.ensure_whole()
    if not engine.exists():
        ensure_media_fit(config, None)
    engine = create_engine(config)
    return Database(engine) if controls is None else Database(engine, controls.clock, controls.sids)


def open_engine(config: Config, *, yields: bool = False) -> Engine:
    """Return the storage engine; its database may be missing. Nothing is read or created.

    With `yields`, writes leave room for those of other processes.
    """
    if config.uses_postgresql:
        from parlour.store.postgresql import PostgreSQL  # noqa: PLC0415 - large; only needed with PostgreSQL

        return PostgreSQL(config.database)
    path = Path(config.database)
    check_database_place(path)
    return SQLite(path, yields=yields)


def create_engine(config: Config) -> Engine:
    """Return the engine of a database at this program's schema; one that is missing is created."""
    engine = open_engine(config)
    for name in migrate(engine):
        log.debug("migrated", migration=name)
    return engine


def find_engine(config: Config, *, yields: bool = False) -> Engine:
    """Return the engine of a database at this program's schema. Raises BadSetting if there is none."""
    engine = open_engine(config, yields=yields)
    ensure_exists(engine)
    if not is_current(engine):
        migrate(engine)
    return engine


def ensure_exists(engine: Engine) -> None:
    """Raise BadSetting if there is no database."""
    if not engine.exists():
        where = f" in {Path.cwd()}" if isinstance(engine, SQLite) and not engine.path.is_absolute() else ""
        raise BadSetting(
            f"there is no database {engine.name}{where}: name that of your server with --database or"
            " PARLOUR_DATABASE, or create one with `parlour serve`"
        )


def open_vault(config: Config, *, may_create_key: bool) -> Vault:
    """Return the vault with the key of the settings, else of the key file. Raises VaultError without one."""
    return Vault(config.secret_key or read_key(config.beside("key"), may_make=may_create_key))


def open_fitting_vault(database: Database, config: Config) -> Vault:
    """Return the vault after it has opened every auth token of the database. Raises VaultError if it cannot.

    A key is created only while there is no token that it would have to open.
    """
    sealed = database.run(sealed_tokens)
    vault = open_vault(config, may_create_key=not sealed)
    for each in sealed:
        vault.unseal(each)
    return vault


def create_media(config: Config, identity: str) -> Blobs:
    """Return the media store of the database `identity`; one that is missing is created.

    Raises BadPlace if it belongs to another database.
    """
    ensure_media_fit(config, identity)
    blobs = open_blobs(config.media_place())
    blobs.claim(identity)
    # Another server may have claimed it first.
    ensure_media_fit(config, identity)
    return blobs


def find_media(config: Config, database: Database) -> Blobs:
    """Return the media store of a database. Raises BadPlace if no server has claimed it for the database."""
    place, identity = config.media_place(), database.run(find_identity)
    ensure_media_fit(config, identity)
    if owner_of(place) is None:
        raise BadPlace(
            f"no server was started yet with this database and the media in {place}: start it once"
        )
    return open_blobs(place)


def ensure_media_fit(config: Config, identity: str | None) -> None:
    """Raise BadPlace if the media store belongs to another database; a new database has no identity yet."""
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


def create_first_account(parts: Parts) -> tuple[Account, str] | None:
    """Create the account of the settings, or the first one of a database. Returns it and its auth token.

    Returns None if there was nothing to create. Call it last, when nothing else can fail: the token of a
    new account can be shown only once.
    """
    return parts.database.run(lambda tx: create_account_if_missing(tx, parts.vault, parts.config))


def create_account_if_missing(tx: Transaction, vault: Vault, config: Config) -> tuple[Account, str] | None:
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
