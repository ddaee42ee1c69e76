"""`parlour serve`, and `parlour answer`, the process that answers for it with --workers."""

import dataclasses

import click

from parlour import server
from parlour.cli.commands import Command
from parlour.cli.options import settings
from parlour.config import Config, environment_name


class ServeCommand(Command):
    """Its help also lists the settings that are no options."""

    def format_epilog(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        secrets = [f for f in dataclasses.fields(Config) if not f.metadata["option"]]
        with formatter.section("Environment variables that have no option"):
            formatter.write_dl([(environment_name(f.name), f.metadata["meaning"]) for f in secrets])


@click.command(cls=ServeCommand)
@settings(starts_server=True)
def serve(config: Config) -> None:
    """Start the server.

    If there is no database, one is created, with an account whose credentials are printed. SIGTERM or
    Ctrl-C stops the server.
    """
    server.serve(config)


@click.command(cls=Command)
@click.argument("descriptor", type=int)
@settings(starts_server=True)
def answer(config: Config, descriptor: int) -> None:
    """Answer requests on an inherited socket.

    Normally `parlour serve --workers` starts it. DESCRIPTOR is the number of the listening socket. The
    process stops when its standard input ends.
    """
    server.answer(config, descriptor)
