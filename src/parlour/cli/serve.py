"""Commands that run: `parlour serve`, and `work` and `answer`, the processes that it starts."""

import dataclasses

import click

from parlour import server
from parlour.cli.options import settings
from parlour.config import Config, environment_name
from parlour.worker import process


def secrets_help() -> str:
    secrets = [f for f in dataclasses.fields(Config) if not f.metadata["option"]]
    lines = [f"{environment_name(f.name)}: {f.metadata['meaning']}" for f in secrets]
    return "Settings that only the environment gives:\n\n\b\n" + "\n".join(lines)


@click.command(epilog=secrets_help())
@settings()
def serve(config: Config) -> None:
    """Start the server.

    If there is no database, one is created, with an account whose credentials are printed. SIGTERM or
    Ctrl-C stops the server.
    """
    server.serve(config)


@click.command()
@settings()
def work(config: Config) -> None:
    """Run the delivery worker.

    Normally `parlour serve` starts it. It sends webhooks and messages for other channels, and stops when
    its standard input ends.
    """
    process.work(config)


@click.command()
@click.argument("descriptor", type=int)
@settings()
def answer(config: Config, descriptor: int) -> None:
    """Answer requests on an inherited socket.

    Normally `parlour serve --workers` starts it. DESCRIPTOR is the number of the listening socket. The
    process stops when its standard input ends.
    """
    server.answer(config, descriptor)
