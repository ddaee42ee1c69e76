"""The server process: answers on a socket, alone or with others, and stops without losing anything."""

import contextlib
import dataclasses
import gc
import os
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import NamedTuple, NoReturn

import click
import uvicorn

from parlour import app
from parlour.api.access_log import STANDING_HEADERS, AccessLog
from parlour.bootstrap import (
    Ground,
    find_engine,
    grounded,
    listen,
    open_vault,
    public_url,
    url_of,
    with_url,
)
from parlour.config import Config
from parlour.control import Controls
from parlour.dropin.authority import Authority
from parlour.dropin.environment import write_files
from parlour.dropin.listeners import InterceptingServer
from parlour.http.connections import Connections, limits_of
from parlour.http.protocol import Protocol
from parlour.logs import configure_logs
from parlour.startup_checks import ensure_possible
from parlour.store import Database
from parlour.store.blobs import open_blobs
from parlour.store.credentials import Account
from parlour.store.database import milliseconds_now
from parlour.supervisor import SupervisedProcess
from parlour.wire.profiles import PROFILES
from parlour.worker import run as background

MadeAccount = tuple[Account, str] | None

# Longer than the storage may take to be closed.
CHILD_STOP_SECONDS = 10


class Prepared(NamedTuple):
    """A server that only has to be run on its listener, and the account that was made for it."""

    server: uvicorn.Server
    listener: socket.socket
    ground: Ground
    made: MadeAccount


def serve(config: Config) -> None:
    """Run until SIGTERM or SIGINT, then finish and commit what was accepted."""
    ensure_possible(config)
    configure_logs(config.log_level, config.log_format)
    leave_at_signals()
    if config.workers > 1:
        serve_with_many(config)
        return
    with prepared(config) as ready:
        announce(ready.ground, ready.made, ready.server)
        spare_the_collector()
        if config.stop_with_input:
            at_end_of_input(partial(setattr, ready.server, "should_exit", True))
        ready.server.run([ready.listener])


def serve_with_many(config: Config) -> None:
    """Several processes answer on one port; this one only looks after them, and after what is beside."""
    if config.stop_with_input:
        at_end_of_input(partial(os.kill, os.getpid(), signal.SIGTERM))
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(each) for each in listen_together(config)]
        ground = stack.enter_context(grounded(config, listeners[0]))
        known = with_url(config, ground.url)
        taken = [f.name for f in dataclasses.fields(config) if f.metadata["option"]]
        stop_seconds = config.stop_seconds + CHILD_STOP_SECONDS
        children = [
            SupervisedProcess("answer", known, taken, stop_seconds=stop_seconds, listener=each)
            for each in listeners
        ]
        try:
            announce(ground, ground.ensure_account())
            while True:
                signal.pause()
        finally:
            for child in children:
                child.ask_to_stop()
            for child in children:
                child.stop()


def listen_together(config: Config) -> list[socket.socket]:
    """A socket for each process; the system spreads the connections that come to their port."""
    # Such sockets would share a port with those of another server, too.
    with listen(config) as alone:
        port: int = alone.getsockname()[1]
    return [listen(config, port, shares=True) for _ in range(config.workers)]


def answer(config: Config, descriptor: int) -> None:
    """Answer on a socket that another process listens on, until standard input ends."""
    configure_logs(config.log_level, config.log_format)
    leave_at_signals()
    database = Database(find_engine(config))
    try:
        with socket.socket(fileno=descriptor) as listener:
            ground = Ground(
                config,
                database,
                open_vault(config, may_make_key=False),
                open_blobs(config.media_place()),
                public_url(config, listener),
            )
            answering = build(ground)
            spare_the_collector()
            at_end_of_input(partial(setattr, answering, "should_exit", True))
            answering.run([listener])
    finally:
        database.close()


@contextlib.contextmanager
def prepared(config: Config) -> Iterator[Prepared]:
    """The storage, the sockets and the application, for the time of the block."""
    ensure_possible(config)
    controls = Controls(keep_bodies=config.request_bodies) if config.control else None
    with contextlib.ExitStack() as stack:
        # Ports come first: one that is taken is found before anything is made.
        listener = stack.enter_context(listen(config))
        front = stack.enter_context(listen(config, config.intercept_port)) if config.intercept else None
        ground = stack.enter_context(grounded(config, listener, controls))
        built = build(ground, controls, front)
        yield Prepared(built, listener, ground, ground.ensure_account())


def build(
    ground: Ground, controls: Controls | None = None, front: socket.socket | None = None
) -> uvicorn.Server:
    config = ground.config
    parts = app.Parts(ground.database, ground.vault, ground.blobs, background.allows_private(config))
    profile = PROFILES[config.profile]
    application = app.build(parts, ground.url, profile, intercept=config.intercept, controls=controls)
    return server(config, application.asgi, ground.url, front)


def spare_the_collector() -> None:
    # What is there now stays, and requests leave hardly any cycles: looking for them rarely is enough.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def leave_at_signals() -> None:
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, leave)


def leave(_: int, __: FrameType | None) -> NoReturn:
    # uvicorn raises the signal again once it has stopped; from here the storage is closed.
    sys.exit(0)


def server(
    config: Config, application: AccessLog, url: str, front: socket.socket | None = None
) -> uvicorn.Server:
    headers = list(STANDING_HEADERS)
    if url.startswith("https:"):
        headers.append(("Strict-Transport-Security", "max-age=31536000"))
    connections = Connections(limits_of(config))
    settings = uvicorn.Config(
        application,
        http=partial(Protocol, connections=connections),  # type: ignore[arg-type]  # it is called as a class is
        ws="none",
        loop="auto",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        headers=headers,
        timeout_graceful_shutdown=config.stop_seconds,
    )
    return uvicorn.Server(settings) if front is None else intercepting(config, settings, connections, front)


def intercepting(
    config: Config, settings: uvicorn.Config, connections: Connections, front: socket.socket
) -> InterceptingServer:
    folder = config.authority_folder()
    authority = Authority(folder, milliseconds_now)
    write_files(authority, folder)
    passes = config.intercept_others == "pass"
    return InterceptingServer(settings, front, authority.context(), connections, passes=passes)


def at_end_of_input(stop: Callable[[], None]) -> None:
    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1):
                pass
        stop()

    threading.Thread(target=wait, name="input", daemon=True).start()


def announce(ground: Ground, made: MadeAccount, served: uvicorn.Server | None = None) -> None:
    config, url, database = ground.config, ground.url, ground.database.engine.name
    click.echo(f"Parlour answers at {url}, profile {config.profile}, database {database}.")
    if isinstance(served, InterceptingServer):
        click.echo(f"Intercepting at {url_of(config, served.port)}: `parlour env` tells how to get there.")
    if made is None:
        click.echo("Credentials: as before; `parlour account list` shows the accounts.", nl=False)
        click.echo(" A lost token is replaced by `parlour account rotate-token`.")
        return
    account, token = made
    click.echo("\nThis account was made. Its token is shown once:\n")
    click.echo(f"  TWILIO_ACCOUNT_SID={account.sid}\n  TWILIO_AUTH_TOKEN={token}\n\nTry:\n")
    credentials = shlex.quote(f"{account.sid}:{token}")
    click.echo(f"  curl -u {credentials} -d FriendlyName=Hello {url}/v1/Conversations\n")
