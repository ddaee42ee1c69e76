"""`parlour run`: runs a command against a server of its own. It loads nothing of the server itself."""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import click

from parlour.cli.commands import Command
from parlour.cli.options import settings
from parlour.config import Config
from parlour.dropin.inherited import own_programs_first
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
    path = own_programs_first(os.environ.get("PATH", os.defpath), sys.executable, os.environ)
    if shutil.which(command[0], path=path) is None:
        refuse(command[0])
    forwarder = Forwarder()
    with running(["--profile", config.profile, "--intercept-others", config.intercept_others]) as own:
        for fixture in load:
            own.control().load(fixture)
        code = run_command(command, own.environment() | {"PATH": path}, forwarder)
    sys.exit(code)


def refuse(program: str) -> NoReturn:
    """End with the exit status of a shell for a program that cannot be run, before a server is started."""
    is_there = Path(program).exists()
    reason = "it is not a program" if is_there else "there is no such program"
    click.echo(f"Error: {program} cannot be run: {reason}", err=True)
    sys.exit(NOT_EXECUTABLE if is_there else NOT_FOUND)
