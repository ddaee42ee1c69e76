"""Runs the server: in this process, or in several on one port; stops it without losing a write."""

import contextlib
import gc
import os
import shlex
import signal
import socket
from collections.abc import Iterator, Sequence
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import structlog
import uvicorn

from parlour import app
from parlour.api.access_log import COMMON_HEADERS, AccessLog
from parlour.bootstrap import Parts, create_first_account, open_existing_parts, open_server_parts
from parlour.config import Config, unknown_variables
from parlour.http.connections import Connections, limits_of
from parlour.http.protocol import Protocol
from parlour.http.server import Server
from parlour.http.sockets import listen, port_of, url_of
from parlour.logs import configure_logs
from parlour.resources.accounts import Account
from parlour.resources.purge import Purger, RetentionPolicy
from parlour.resources.remover import Remover
from parlour.service_manager import READY, notify
from parlour.startup_checks import check_startup
from parlour.stopping import call_at_end_of_input, exit_on_signals
from parlour.store.database import milliseconds_now
from parlour.supervisor import SupervisedProcess
from parlour.worker.start import start_worker

if TYPE_CHECKING:
    from parlour.dropin.listeners import InterceptingServer
    from parlour.http.certificates import ServedCertificate
    from parlour.worker.thread import WorkerThread

# Longer than closing the database may take.
CLOSE_SECONDS = 10

log = structlog.get_logger()


def serve(config: Config) -> None:
    """Check the settings, then run the server until SIGTERM or SIGINT; accepted writes are committed first.

    Raises BadSetting for settings that a server cannot start with; then nothing was created.
    """
    check_startup(config)
    configure_logs(config.log_level, config.log_format)
    for name, nearest in unknown_variables(os.environ):
        log.warning("unknown_variable", name=name, did_you_mean=nearest)
    exit_on_signals()
    if config.tls_certificate is not None:
        # SIGHUP waits until something handles it; by default it would end the process.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    if config.workers > 1:
        serve_with_processes(config)
    else:
        serve_alone(config)


def serve_alone(config: Config) -> None:
    """Answer requests in this process."""
    with prepared(config) as (parts, server, listener, created):
        print_start(parts, created, server)
        tune_garbage_collection()
        if config.stop_with_input:
            call_at_end_of_input(partial(setattr, server, "should_exit", True))
        server.run([listener])


class PreparedServer(NamedTuple):
    """A server that is ready to run on a socket, and the account that was created for it, with its token."""

    parts: Parts
    server: uvicorn.Server
    listener: socket.socket
    created: tuple[Account, str] | None


@contextlib.contextmanager
def prepared(config: Config) -> Iterator[PreparedServer]:
    """Open the ports and the parts and start the background jobs, for the time of the block."""
    with contextlib.ExitStack() as stack:
        # Ports come first: one that is taken is noticed before anything is created.
        listener = stack.enter_context(listen(config))
        front = stack.enter_context(listen(config, config.intercept_port)) if config.intercept else None
        parts = stack.enter_context(open_server_parts(config, port_of(listener)))
        # Before the jobs, which may be removing an account of this SID.
        created = create_first_account(parts)
        stack.enter_context(background_jobs(parts, port_of(listener)))
        yield PreparedServer(parts, build_server(parts, front), listener, created)


def serve_with_processes(config: Config) -> None:
    """Answer requests in several processes on one port; this one only supervises them."""
    if config.stop_with_input:
        call_at_end_of_input(partial(os.kill, os.getpid(), signal.SIGTERM))
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(each) for each in listen_for_each_process(config)]
        port = port_of(listeners[0])
        parts = stack.enter_context(open_server_parts(config, port))
        created = create_first_account(parts)
        stack.enter_context(background_jobs(parts, port))
        processes = stack.enter_context(answering_processes(parts.config, listeners))
        if config.tls_certificate is not None:
            signal.signal(signal.SIGHUP, partial(pass_on, processes))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        print_start(parts, created)
        notify(READY)
        while True:
            signal.pause()


def listen_for_each_process(config: Config) -> list[socket.socket]:
    """Return one socket for each process; the system spreads new connections to their port over them."""
    # Sockets that share a port would share it with another server's, too: take it alone once.
    with listen(config) as alone:
        port = port_of(alone)
    return [listen(config, port, shares=True) for _ in range(config.workers)]


@contextlib.contextmanager
def answering_processes(
    config: Config, listeners: Sequence[socket.socket]
) -> Iterator[Sequence[SupervisedProcess]]:
    """Run `parlour answer` on each of the listeners for the time of the block."""
    processes: list[SupervisedProcess] = []
    seconds = config.stop_seconds + CLOSE_SECONDS
    try:
        for each in listeners:
            processes.append(SupervisedProcess("answer", config, stop_seconds=seconds, listener=each))  # noqa: PERF401 - those before one that fails are stopped
        yield processes
    finally:
        for process in processes:
            process.ask_to_stop()
        for process in processes:
            process.stop()


def pass_on(processes: Sequence[SupervisedProcess], number: int, _: FrameType | None) -> None:
    """Send the signal to each of the processes."""
    for each in processes:
        each.send_signal(number)


def answer(config: Config, descriptor: int) -> None:
    """Answer requests on an inherited socket until standard input ends; `parlour serve` starts this."""
    configure_logs(config.log_level, config.log_format)
    exit_on_signals()
    with open_existing_parts(config) as parts, socket.socket(fileno=descriptor) as listener:
        server = build_server(parts)
        tune_garbage_collection()
        call_at_end_of_input(partial(setattr, server, "should_exit", True))
        server.run([listener])


@contextlib.contextmanager
def background_jobs(parts: Parts, port: int) -> Iterator[None]:
    """Run the purge, the removal of deleted rows and the delivery worker for the time of the block."""
    config = parts.config
    policy = RetentionPolicy(config.unattached_hours, config.purge_days)
    holder = f"{socket.gethostname()}:{port}"
    with (
        Purger(parts.database, parts.blobs, policy, holder),
        Remover(parts.database, holder),
        delivery_worker(parts),
    ):
        yield


@contextlib.contextmanager
def delivery_worker(parts: Parts) -> Iterator[None]:
    """Run the delivery worker: as a process, or, where the clock is under control, as a thread."""
    worker = start_worker(parts.config) if parts.controls is None else start_worker_thread(parts)
    try:
        yield
    finally:
        worker.stop()


def start_worker_thread(parts: Parts) -> "WorkerThread":
    from parlour.worker.thread import WorkerThread  # noqa: PLC0415 - large; only needed with --control

    return WorkerThread(parts)


def build_server(parts: Parts, front: socket.socket | None = None) -> uvicorn.Server:
    """Return the server for the application; `front` is the port of --intercept."""
    return create_server(parts, app.build(parts).asgi, front)


def create_server(parts: Parts, application: AccessLog, front: socket.socket | None = None) -> uvicorn.Server:
    headers = list(COMMON_HEADERS)
    if parts.url.startswith("https:"):
        headers.append(("Strict-Transport-Security", "max-age=31536000"))
    connections = Connections(limits_of(parts.config))
    certificate, protocols = create_protocols(parts.config, connections)
    settings = uvicorn.Config(
        application,
        http=protocols,  # It is called as a class is.
        ws="none",
        loop="auto",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        headers=headers,
        timeout_graceful_shutdown=parts.config.stop_seconds,
    )
    if front is None:
        return Server(settings, certificate)
    return create_intercepting_server(parts, settings, certificate, connections, front)


def create_protocols(config: Config, connections: Connections) -> tuple["ServedCertificate | None", Any]:
    """Return the certificate, if there is one, and what uvicorn calls for the protocol of a connection."""
    if config.tls_certificate is None:
        return None, partial(Protocol, connections=connections)
    from parlour.http.certificates import ServedCertificate  # noqa: PLC0415 - large; only needed with TLS
    from parlour.http.tls import TlsProtocols  # noqa: PLC0415 - the same

    certificate = ServedCertificate(config.tls_certificate, config.tls_key)
    return certificate, TlsProtocols(certificate, connections)


def create_intercepting_server(
    parts: Parts,
    settings: uvicorn.Config,
    certificate: "ServedCertificate | None",
    connections: Connections,
    front: socket.socket,
) -> "InterceptingServer":
    from parlour.dropin.authority import Authority  # noqa: PLC0415 - large; only needed with --intercept
    from parlour.dropin.listeners import InterceptingServer  # noqa: PLC0415 - the same
    from parlour.dropin.other_hosts import HostRoutes, OtherHosts  # noqa: PLC0415 - the same
    from parlour.dropin.trust_files import write_files  # noqa: PLC0415 - the same

    config = parts.config
    folder, routes = config.authority_folder(), HostRoutes(config.intercept_route)
    authority = Authority(folder, milliseconds_now, routes.names())
    write_files(authority.certificate, folder)
    count = (lambda _: None) if parts.controls is None else parts.controls.refusals.add_host
    others = OtherHosts(routes, authority.context_of, count, config.intercept_others == "pass")
    return InterceptingServer(settings, certificate, front, authority.context(), connections, others)


def tune_garbage_collection() -> None:
    # The objects of start-up stay, and requests leave hardly any cycles: rare collections are enough.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def print_start(
    parts: Parts, created: tuple[Account, str] | None, server: uvicorn.Server | None = None
) -> None:
    """Print where the server answers, and the credentials of an account that was created now."""
    config, url, database = parts.config, parts.url, parts.database.engine.name
    click.echo(f"Parlour answers at {url}, profile {config.profile}, database {database}.")
    if config.intercept:
        # Only an InterceptingServer has this port.
        port = getattr(server, "port", config.intercept_port)
        click.echo(f"Intercepting at {url_of(config, port)}: `parlour env` tells how to get there.")
    if created is None:
        click.echo("Credentials: as before; `parlour account list` shows the accounts.", nl=False)
        click.echo(" A lost token is replaced by `parlour account rotate-token`.")
        return
    account, token = created
    click.echo("\nThis account was made. Its token is shown once:\n")
    click.echo(f"  TWILIO_ACCOUNT_SID={account.sid}\n  TWILIO_AUTH_TOKEN={token}\n\nTry:\n")
    credentials = shlex.quote(f"{account.sid}:{token}")
    click.echo(f"  curl -u {credentials} -d FriendlyName=Hello {url}/v1/Conversations\n")
