"""The server process: prepares the storage, listens, and stops without losing anything."""

import asyncio
import contextlib
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
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

import click
import msgspec
import structlog
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from parlour import app, errors
from parlour.api.idempotency import forget_old_answers
from parlour.api.telemetry import STANDING_HEADERS, Telemetry
from parlour.config import Config
from parlour.control import Controls
from parlour.dropin.authority import Authority
from parlour.dropin.environment import write_files
from parlour.dropin.listeners import InterceptingServer
from parlour.logs import configure_logs
from parlour.resources.accounts import create_account, find_account, list_accounts, sealed_tokens
from parlour.store import Database, Transaction
from parlour.store.credentials import Account, Vault, key_beside
from parlour.store.database import milliseconds_now
from parlour.store.migrate import migrate
from parlour.store.sqlite import SQLite
from parlour.wire.profiles import PROFILES
from parlour.wire.sids import is_account_sid

FIRST_ACCOUNT_NAME = "My account"
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2_048

log = structlog.get_logger()


class Packet:
    """A transport that sends what is written in one turn of the event loop with one system call."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self._written.append(data)
        if len(self._written) == 1:
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._written:
            self._transport.writelines(self._written)
            self._written.clear()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Protocol(HttpToolsProtocol):
    """uvicorn's, with the head and the body of an answer in one packet.

    What is not HTTP is answered with the same envelope as everything else.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(Packet(transport, self.loop))  # type: ignore[arg-type]

    def on_message_begin(self) -> None:
        super().on_message_begin()
        # For faults: an ASGI application has no other way to break a connection off.
        self.scope["parlour.drop"] = self.transport.abort  # type: ignore[typeddict-unknown-key]

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - it may say what only we should know
        body = msgspec.json.encode(errors.INVALID_REQUEST(reason="it is not valid HTTP").body())
        head = [b"HTTP/1.1 400 Bad Request\r\n"]
        head += [name + b": " + value + b"\r\n" for name, value in self.server_state.default_headers]
        head.append(b"content-type: application/json\r\nconnection: close\r\n")
        head.append(b"content-length: %d\r\n\r\n" % len(body))
        self.transport.write(b"".join(head) + body)
        self.transport.close()


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
        database.run(forget_old_answers)
        with listen(config) as listener:
            url = public_url(config, listener)
            profile = PROFILES[config.profile]
            application = app.build(
                database, vault, url, profile, intercept=config.intercept, controls=controls
            )
            yield Prepared(server(config, application, url), listener, url, made)
    finally:
        database.close()


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
        lifespan="off",
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
