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
from parlour.control.client import Refused
from parlour.dropin.inherited import own_programs_first
from parlour.testing.process import Running, running
from parlour.testing.run import NOT_EXECUTABLE, NOT_FOUND, Forwarder
from parlour.testing.run import run as run_command

HOW_TO_GO_ON = (
    "--intercept-route HOST=http://127.0.0.1:9000 sends a host's requests to a server of yours;"
    " --intercept-others pass lets all through to the real ones"
)


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
@settings("profile", "intercept_others", "intercept_route", starts_server=True)
def run(config: Config, command: tuple[str, ...], load: tuple[Path, ...]) -> None:
    """Run a command against a new, empty server.

    The server listens on free ports and stops after the command. The command's environment sends
    Twilio's official clients to the server. At the end, a summary names the hosts that were refused and the
    paths that are not served.
    """
    path = own_programs_first(os.environ.get("PATH", os.defpath), sys.executable, os.environ)
    if shutil.which(command[0], path=path) is None:
        refuse(command[0])
    forwarder = Forwarder()
    with running(["--profile", config.profile, *interception(config)]) as own:
        for fixture in load:
            own.control().load(fixture)
        code = run_command(command, own.environment() | {"PATH": path}, forwarder)
        print_summary(own)
    sys.exit(code)


def interception(config: Config) -> list[str]:
    """Return the options of the server for other hosts."""
    words = config.intercept_route.split()
    if config.intercept_others == "refuse":
        # Refused over TLS, so that clients show the reason. The authority is removed after the command, so it
        # may sign for more hosts than that of a server that stays.
        words.insert(0, "*.twilio.com=refuse")
    routes = [f"--intercept-route={word}" for word in words]
    return ["--intercept-others", config.intercept_others, *routes]


def print_summary(own: Running) -> None:
    """Print which hosts the server has refused and which paths it does not serve, if there are any."""
    try:
        refusals = own.control().get("Refusals")
    except (OSError, Refused):
        return
    for what, found in (("hosts that were refused", "hosts"), ("paths that are not served yet", "paths")):
        names = [f"{name} ({count})" for name, count in refusals[found].items()]
        if names:
            click.echo(f"parlour run: {what}: {', '.join(names)}", err=True)
    if refusals["hosts"]:
        click.echo(f"parlour run: {HOW_TO_GO_ON}", err=True)


def refuse(program: str) -> NoReturn:
    """End with the exit status of a shell for a program that cannot be run, before a server is started."""
    is_there = Path(program).exists()
    reason = "it is not a program" if is_there else "there is no such program"
    click.echo(f"Error: {program} cannot be run: {reason}", err=True)
    sys.exit(NOT_EXECUTABLE if is_there else NOT_FOUND)
