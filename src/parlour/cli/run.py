"""`parlour run`: runs a command against a server of its own. It loads nothing of the server itself."""

import sys
from pathlib import Path

import click

from parlour.cli.commands import Command
from parlour.cli.options import settings
from parlour.config import Config
from parlour.testing.process import running
from parlour.testing.run import NOT_EXECUTABLE, NOT_FOUND, Forwarder
from parlour.testing.run import run as run_command


@click.command(
    cls=Command,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example: parlour run -- pytest",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--load",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Load a fixture first, YAML or JSON; can be repeated.",
)
@settings("profile", "intercept_others", starts_server=True)
def run(config: Config, command: tuple[str, ...], load: tuple[Path, ...]) -> None:
    """Run a command against a new, empty server.

    The server listens on free ports and stops after the command. The command's environment leads
    Twilio's official clients to the server.
    """
    forwarder = Forwarder()
    with running(["--profile", config.profile, "--intercept-others", config.intercept_others]) as own:
        for fixture in load:
            own.control().load(fixture)
        code = run_command(command, own.environment(), forwarder)
    if code in {NOT_FOUND, NOT_EXECUTABLE}:
        click.echo(f"parlour run: {command[0]} cannot be run", err=True)
    sys.exit(code)
