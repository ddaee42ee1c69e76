"""Commands that lead to a server for tests: `parlour env` and `parlour logs`."""

import os
from http import HTTPStatus
from typing import Any

import click
from click.core import ParameterSource

from parlour import bootstrap
from parlour.cli.commands import Command
from parlour.cli.in_database import find_account, in_database
from parlour.cli.options import settings
from parlour.config import Config
from parlour.control.client import ControlClient, Refused
from parlour.dropin.discovery import find_authority
from parlour.dropin.environment import SHELLS, shell_lines, variables
from parlour.http.sockets import url_of
from parlour.resources import accounts
from parlour.resources.accounts import Account
from parlour.store import Transaction

WAIT_SECONDS = 5
# These commands use a server that runs: the options say which.
OF_THE_SERVER = {
    "host": "Address that the server listens on.",
    "port": "Port that the server listens on.",
    "database": "Database of the server: its first account is used.",
    "intercept_port": "Port of the server's --intercept.",
    "authority": "Folder of the server's certificate authority. Default: <database>.authority.",
}

# What to do when the server refuses to list its requests, by the status of its answer.
WHAT_TO_DO: dict[int | None, str] = {
    HTTPStatus.NOT_FOUND: "the server runs without --control: start it with this option",
    HTTPStatus.UNAUTHORIZED: "the server does not know the account: name the server's database with"
    " --database, or set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN beside PARLOUR_URL",
}


@click.command(cls=Command, epilog='Example: eval "$(parlour env)"')
@click.option(
    "--shell", type=click.Choice(SHELLS), default="sh", show_default=True, help="The syntax to print."
)
@click.option("--credentials", is_flag=True, help="Also print the SID and auth token of the first account.")
@settings("host", "port", "intercept_port", "database", "authority", meanings=OF_THE_SERVER)
def env(config: Config, shell: str, credentials: bool) -> None:
    """Print environment variables that send clients to a server.

    Twilio's official clients then send their requests to a server with --intercept. The server is asked
    for the certificate of its authority, so the command works in any folder.
    """
    known = first_credentials(config) if credentials else {}
    url, proxy_url = url_of(config, config.port), url_of(config, config.intercept_port)
    folder, remark = find_authority(url, proxy_url, config.authority_folder())
    if remark is not None:
        click.echo(f"Note: {remark}.", err=True)
    values = variables(proxy_url, folder, os.environ)
    values["PARLOUR_URL"] = url
    values |= known
    click.echo(shell_lines(values, shell))


def first_credentials(config: Config) -> dict[str, str]:
    found = in_database(config, first_account)
    if found is None:
        raise click.ClickException("there is no account yet")
    token = bootstrap.open_vault(config, may_create_key=False).unseal(found.sealed_auth_token)
    return {"TWILIO_ACCOUNT_SID": found.sid, "TWILIO_AUTH_TOKEN": token}


def first_account(tx: Transaction) -> Account | None:
    for sid, *_ in accounts.list_accounts(tx):
        return find_account(tx, sid)
    return None


@click.command(cls=Command)
@click.option("--follow", is_flag=True, help="Wait for further requests and print them too.")
@settings("host", "port", "database", meanings=OF_THE_SERVER)
def logs(config: Config, follow: bool) -> None:
    """Print the requests that a server with --control has answered.

    The server is that of PARLOUR_URL, with TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, as `parlour run`
    sets them. Without PARLOUR_URL, or if an option names the server, it is found by its host, port and
    database.
    """
    control, number = control_client(config), 0
    while True:
        for seen in requests_after(control, number, WAIT_SECONDS if follow else 0):
            number = seen["id"]
            what = f"{seen['path']}?{seen['query']}" if seen["query"] else seen["path"]
            status = seen["status"] or "lost"
            remark = f" not served: {seen['unserved']}" if seen["unserved"] else ""
            click.echo(f"{seen['date']} {seen['method']} {what} {status} {seen['milliseconds']} ms{remark}")
        if not follow:
            return


def requests_after(control: ControlClient, number: int, seconds: int) -> list[dict[str, Any]]:
    """Return the requests after the one with this number; waits for the first. Raises ClickException."""
    try:
        found: list[dict[str, Any]] = control.get(f"Requests?After={number}&Wait={seconds}")["requests"]
    except Refused as refused:
        raise click.ClickException(WHAT_TO_DO.get(refused.status, str(refused))) from None
    return found


def control_client(config: Config) -> ControlClient:
    url = os.environ.get("PARLOUR_URL")
    source = click.get_current_context().get_parameter_source
    if url is None or any(source(name) is ParameterSource.COMMANDLINE for name in OF_THE_SERVER):
        return ControlClient(url_of(config, config.port), *first_credentials(config).values())
    names = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")
    return ControlClient(url, *(os.environ.get(name, "") for name in names))
