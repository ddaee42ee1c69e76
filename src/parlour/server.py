"""The server process: prepares the storage, listens, and stops without losing anything."""

import contextlib
import dataclasses
import gc
import os
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn
from urllib.parse import urlsplit

import click
import structlog
import uvicorn

from parlour import app, background
from parlour.api.idempotency import forget_old_answers
from parlour.api.telemetry import STANDING_HEADERS, Telemetry
from parlour.config import Config
from parlour.control import Controls
from parlour.dropin.authority import Authority
from parlour.dropin.environment import write_files
from parlour.dropin.listeners import InterceptingServer
from parlour.logs import configure_logs
from parlour.protocol import Protocol
from parlour.resources.accounts import create_account, find_account, list_accounts, sealed_tokens
from parlour.resources.purge import MAX_PURGE_DAYS, Purger, Terms
from parlour.store import Database, Transaction
from parlour.store.blobs import Blobs, open_blobs
from parlour.store.credentials import Account, Vault, key_beside
from parlour.store.database import milliseconds_now
from parlour.store.migrate import migrate
from parlour.store.sqlite import SQLite
from parlour.wire.profiles import PROFILES
from parlour.wire.sids import is_account_sid
from parlour.worker import Worker, WorkerThread

FIRST_ACCOUNT_NAME = "My account"
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2_048

log = structlog.get_logger()


class BadSetting(Exception):
    """A setting that cannot be meant."""


def open_vault(config: Config, *, may_make_key: bool) -> Vault:
    return Vault(config.secret_key or key_beside(config.database, may_make=may_make_key))


def open_database(config: Config, controls: Controls | None = None) -> Database:
    """The database, brought to this program's schema."""
    if not config.database.parent.is_dir():
        raise BadSetting(f"there is no folder {config.database.parent} for the database")
    engine = SQLite(config.database)
    for name in migrate(engine):
        log.debug("migrated", migration=name)
    return Database(engine) if controls is None else Database(engine, controls.clock, controls.sids)


def open_media(config: Config) -> Blobs:
    """Where media are kept; a directory is made if it is missing."""
    return open_blobs(config.media or f"{config.database}.media")


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


class Prepared(NamedTuple):
    """A server that only has to be run on its listener."""

    server: uvicorn.Server
    listener: socket.socket
    url: str
    made: tuple[Account, str] | None


def serve(config: Config) -> None:
    """Run until SIGTERM or SIGINT, then finish and commit what was accepted."""
    configure_logs(config.log_level, config.log_format)
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, leave)
    with prepared(config) as ready:
        announce(config, ready)
        spare_the_collector()
        stop_with_input(config, ready.server)
        ready.server.run([ready.listener])


@contextlib.contextmanager
def prepared(config: Config) -> Iterator[Prepared]:
    """The storage, the socket and the application, for the time of the block."""
    controls = Controls(keep_bodies=config.request_bodies) if config.control else None
    database = open_database(config, controls)
    try:
        vault = open_fitting_vault(database, config)
        made = database.run(lambda tx: ensure_account(tx, vault, config))
        ensure_webhook_settings(config)
        database.run(forget_old_answers)
        blobs, terms = open_media(config), terms_of(config)
        with listen(config) as listener, contextlib.ExitStack() as beside:
            url = public_url(config, listener)
            beside.enter_context(Purger(database, blobs, terms))
            known = dataclasses.replace(config, public_url=url)
            beside.enter_context(working(background.Parts(known, database, vault, blobs)))
            parts = app.Parts(database, vault, blobs, background.allows_private(config))
            profile = PROFILES[config.profile]
            application = app.build(parts, url, profile, intercept=config.intercept, controls=controls)
            yield Prepared(server(config, application, url), listener, url, made)
    finally:
        database.close()


def ensure_webhook_settings(config: Config) -> None:
    if not 0 <= config.webhook_keep_days <= MAX_PURGE_DAYS:
        raise BadSetting(f"webhooks may be kept for 0 to {MAX_PURGE_DAYS} days")
    try:
        config.retry_delays()
    except ValueError as error:
        raise BadSetting(f"the webhook delays must be seconds, with blanks between them: {error}") from None


@contextlib.contextmanager
def working(parts: background.Parts) -> Iterator[None]:
    """What leaves is carried for the time of the block; under control, by the clock that is controlled."""
    background.ensure_channels(parts)
    worker = WorkerThread(parts) if parts.config.control else Worker(parts.config)
    try:
        yield
    finally:
        worker.stop()


def spare_the_collector() -> None:
    # What is there now stays, and requests leave hardly any cycles: looking for them rarely is enough.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def leave(_: int, __: FrameType | None) -> NoReturn:
    # uvicorn raises the signal again once it has stopped; from here the storage is closed.
    sys.exit(0)


def server(config: Config, application: Telemetry, url: str) -> uvicorn.Server:
    headers = list(STANDING_HEADERS)
    if url.startswith("https:"):
        headers.append(("Strict-Transport-Security", "max-age=31536000"))
    settings = uvicorn.Config(
        application,
        http=Protocol,
        ws="none",
        loop="auto",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        headers=headers,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=config.stop_seconds,
    )
    return intercepting(config, settings) if config.intercept else uvicorn.Server(settings)


def intercepting(config: Config, settings: uvicorn.Config) -> InterceptingServer:
    folder = config.authority_folder()
    authority = Authority(folder, milliseconds_now)
    write_files(authority, folder)
    front = listen(config, config.intercept_port)
    passes = config.intercept_others == "pass"
    return InterceptingServer(settings, front, authority.context(), passes=passes)


def stop_with_input(config: Config, served: uvicorn.Server) -> None:
    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1):
                pass
        served.should_exit = True

    if config.stop_with_input:
        threading.Thread(target=wait, name="input", daemon=True).start()


def listen(config: Config, port: int | None = None) -> socket.socket:
    port = config.port if port is None else port
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", error)
        raise BadSetting(f"cannot listen on {config.host}:{port}: {reason}") from None


def public_url(config: Config, listener: socket.socket) -> str:
    if config.public_url is not None:
        given = urlsplit(config.public_url)
        if given.scheme not in {"http", "https"} or not given.netloc or given.query or given.fragment:
            raise BadSetting("the public URL must be http:// or https://, a host and perhaps a path")
        return config.public_url.rstrip("/")
    return url_of(config, listener.getsockname()[1])


def url_of(config: Config, port: int) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.host, config.host)  # noqa: S104 - it is compared
    return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{port}"


def announce(config: Config, ready: Prepared) -> None:
    url, made = ready.url, ready.made
    click.echo(f"Parlour answers at {url}, profile {config.profile}, database {Path(config.database)}.")
    if isinstance(ready.server, InterceptingServer):
        click.echo(
            f"Intercepting at {url_of(config, ready.server.port)}: `parlour env` tells how to get there."
        )
    if made is None:
        click.echo("Credentials: as before; `parlour account list` shows the accounts.", nl=False)
        click.echo(" A lost token is replaced by `parlour account rotate-token`.")
        return
    account, token = made
    click.echo("\nThis account was made. Its token is shown once:\n")
    click.echo(f"  TWILIO_ACCOUNT_SID={account.sid}\n  TWILIO_AUTH_TOKEN={token}\n\nTry:\n")
    credentials = shlex.quote(f"{account.sid}:{token}")
    click.echo(f"  curl -u {credentials} -d FriendlyName=Hello {url}/v1/Conversations\n")
