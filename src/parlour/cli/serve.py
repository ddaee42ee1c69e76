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

    With an empty database it creates an account and prints its credentials. SIGTERM or Ctrl-C stops it.
    """
    server.serve(config)


@click.command()
@settings()
def work(config: Config) -> None:
    """Run the delivery worker (normally started by `parlour serve`).

    It sends webhooks and messages for other channels. It stops when its standard input ends.
    """
    process.work(config)


@click.command()
@click.argument("descriptor", type=int)
@settings()
def answer(config: Config, descriptor: int) -> None:
    """Answer requests on an inherited socket (normally started by `parlour serve --workers`).

    DESCRIPTOR is the number of the listening socket. The process stops when its standard input ends.
    """
    server.answer(config, descriptor)
