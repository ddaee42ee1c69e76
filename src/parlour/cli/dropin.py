"""The command line for those who stand Parlour in: `parlour env`, `parlour run`, `parlour logs`."""

import os
import sys
from pathlib import Path

import click

from parlour import bootstrap
from parlour.cli.options import find_account, in_database, settings
from parlour.config import Config
from parlour.control.client import ControlClient
from parlour.dropin.authority import Authority
from parlour.dropin.environment import SHELLS, show, variables, write_files
from parlour.resources import accounts
from parlour.store import Transaction
from parlour.store.credentials import Account
from parlour.store.database import milliseconds_now
from parlour.testing.process import running
from parlour.testing.run import NOT_EXECUTABLE, NOT_FOUND, Forwarder
from parlour.testing.run import run as run_command

WAIT_SECONDS = 5


@click.command()
@click.option("--shell", type=click.Choice(SHELLS), default="sh", show_default=True, help="Whose syntax.")
@click.option("--credentials", is_flag=True, help="Print the first account's SID and auth token too.")
@settings("host", "port", "intercept_port", "database", "authority")
def env(config: Config, shell: str, credentials: bool) -> None:
    r"""Print what sends every official client to a server with --intercept, and write the files it names.

    \b
    eval "$(parlour env)"
    """
    known = first_credentials(config) if credentials else {}
    folder = config.authority_folder()
    write_files(Authority(folder, milliseconds_now), folder)
    values = variables(bootstrap.url_of(config, config.intercept_port), folder)
    values["PARLOUR_URL"] = bootstrap.url_of(config, config.port)
    values |= known
    click.echo(show(values, shell))


def first_credentials(config: Config) -> dict[str, str]:
    found = in_database(config, first_account)
    if found is None:
        raise click.ClickException("there is no account yet")
    token = bootstrap.open_vault(config, may_make_key=False).unseal(found.sealed_auth_token)
    return {"TWILIO_ACCOUNT_SID": found.sid, "TWILIO_AUTH_TOKEN": token}


def first_account(tx: Transaction) -> Account | None:
    for sid, *_ in accounts.list_accounts(tx):
        return find_account(tx, sid)
    return None


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--load",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A fixture to begin with, YAML or JSON; may be given several times.",
)
@settings("profile", "intercept_others")
def run(config: Config, command: tuple[str, ...], load: tuple[Path, ...]) -> None:
    r"""Run a command against a server of its own, on free ports and with an empty database.

    \b
    parlour run -- pytest
    """
    forwarder = Forwarder()
    with running(["--profile", config.profile, "--intercept-others", config.intercept_others]) as own:
        for fixture in load:
            own.control().load(fixture)
        code = run_command(command, own.environment(), forwarder)
    if code in {NOT_FOUND, NOT_EXECUTABLE}:
        click.echo(f"parlour run: {command[0]} cannot be run", err=True)
    sys.exit(code)


@click.command()
@click.option("--follow", is_flag=True, help="Go on with those that come.")
@settings("host", "port", "database")
def logs(config: Config, follow: bool) -> None:
    """Print the requests that a server with --control has answered.

    Which server, PARLOUR_URL tells and TWILIO_ACCOUNT_SID with TWILIO_AUTH_TOKEN, as under
    `parlour run`; else the host, port and database do.
    """
    control, number = control_client(config), 0
    while True:
        for seen in control.get(f"Requests?After={number}&Wait={WAIT_SECONDS if follow else 0}")["requests"]:
            number = seen["id"]
            what = f"{seen['path']}?{seen['query']}" if seen["query"] else seen["path"]
            status = seen["status"] or "lost"
            click.echo(f"{seen['date']} {seen['method']} {what} {status} {seen['milliseconds']} ms")
        if not follow:
            return


def control_client(config: Config) -> ControlClient:
    url = os.environ.get("PARLOUR_URL")
    if url is None:
        return ControlClient(bootstrap.url_of(config, config.port), *first_credentials(config).values())
    names = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")
    return ControlClient(url, *(os.environ.get(name, "") for name in names))
