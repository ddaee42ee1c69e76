"""The command line: `parlour serve` and what looks after it."""

import dataclasses
import functools
import json
import os
import sys
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from parlour import __version__, resources, server
from parlour.api.openapi import describe
from parlour.config import Config, environment_name, read_secrets
from parlour.dropin.authority import Authority
from parlour.dropin.environment import SHELLS, show, variables, write_files
from parlour.resources import accounts
from parlour.store import Transaction
from parlour.store.credentials import Account, Vault, VaultError
from parlour.store.database import milliseconds_now
from parlour.store.migrate import DatabaseTooNew, migrate
from parlour.store.sqlite import UNAVAILABLE, SQLite
from parlour.testing.process import NotStarted, running
from parlour.testing.run import NOT_EXECUTABLE, NOT_FOUND, Forwarder
from parlour.testing.run import run as run_command

T = TypeVar("T")
Command = Callable[..., None]

EXPECTED = (DatabaseTooNew, VaultError, server.BadSetting, NotStarted)
EXAMPLE_URL = "http://127.0.0.1:8080"


def option_type(annotation: Any) -> Any:
    if typing.get_origin(annotation) is Literal:
        return click.Choice(typing.get_args(annotation))
    if annotation is Path:
        return click.Path(dir_okay=False, path_type=Path)
    if Path in typing.get_args(annotation):
        return click.Path(file_okay=False, path_type=Path)
    if annotation is bool:
        return bool
    return int if annotation is int else str


def settings(*names: str) -> Callable[[Command], Command]:
    """Options for the settings that are named, or for all; the command gets a Config."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_config(**values: Any) -> None:
            chosen: dict[str, Any] = {name: values.pop(name) for name in list(values) if name in known}
            chosen |= read_secrets(os.environ)
            with told_plainly():
                command(config=Config(**chosen), **values)

        hints = typing.get_type_hints(Config)
        known = {f.name: f for f in dataclasses.fields(Config) if f.metadata["option"]}
        for name in reversed(names or tuple(known)):
            with_config = click.option(
                f"--{name.replace('_', '-')}",
                name,
                default=known[name].default,
                type=option_type(hints[name]),
                is_flag=hints[name] is bool,
                envvar=environment_name(name),
                show_default=known[name].default not in {None, False},
                show_envvar=True,
                help=known[name].metadata["meaning"],
            )(with_config)
        return with_config

    return decorate


class told_plainly:  # noqa: N801 - it reads as a statement
    """Turns what a user can mend into a line, and anything else into a traceback."""

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, EXPECTED):
            raise click.ClickException(str(error)) from None
        if isinstance(error, OSError):
            raise click.ClickException(f"{error.filename}: {error.strerror}") from None
        if isinstance(error, UNAVAILABLE):
            raise click.ClickException(f"the database cannot be used: {error}") from None


def secrets_help() -> str:
    kept = [f for f in dataclasses.fields(Config) if not f.metadata["option"]]
    lines = [f"{environment_name(f.name)}: {f.metadata['meaning']}" for f in kept]
    return "Only from the environment:\n\n\b\n" + "\n".join(lines)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Parlour speaks the Conversations REST API (v1) of Twilio, on your own machine."""


@main.command(epilog=secrets_help())
@settings()
def serve(config: Config) -> None:
    """Start the server; on an empty database it makes an account and prints its credentials."""
    server.serve(config)


@main.command()
@click.option("--shell", type=click.Choice(SHELLS), default="sh", show_default=True, help="Whose syntax.")
@click.option("--credentials", is_flag=True, help="Print the first account's SID and auth token too.")
@settings("host", "port", "intercept_port", "database", "authority")
def env(config: Config, shell: str, credentials: bool) -> None:
    r"""Print what sends every official client to a server with --intercept, and write the files it names.

    \b
    eval "$(parlour env)"
    """
    folder = config.authority_folder()
    write_files(Authority(folder, milliseconds_now), folder)
    values = variables(server.url_of(config, config.intercept_port), folder)
    values["PARLOUR_URL"] = server.url_of(config, config.port)
    if credentials:
        values |= in_database(config, first_credentials)
    click.echo(show(values, shell))


def first_credentials(tx: Transaction, vault: Vault) -> dict[str, str]:
    for sid, *_ in accounts.list_accounts(tx):
        token = vault.unseal(find_account(tx, sid).sealed_auth_token)
        return {"TWILIO_ACCOUNT_SID": sid, "TWILIO_AUTH_TOKEN": token}
    raise click.ClickException("there is no account yet")


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@settings("profile", "intercept_others")
def run(config: Config, command: tuple[str, ...]) -> None:
    r"""Run a command against a server of its own, on free ports and with an empty database.

    \b
    parlour run -- pytest
    """
    forwarder = Forwarder()
    with running(["--profile", config.profile, "--intercept-others", config.intercept_others]) as own:
        code = run_command(command, own.environment(), forwarder)
    if code in {NOT_FOUND, NOT_EXECUTABLE}:
        click.echo(f"parlour run: {command[0]} cannot be run", err=True)
    sys.exit(code)


@main.command("migrate")
@settings("database")
def migrate_database(config: Config) -> None:
    """Bring the database to this program's schema, as `serve` does when it starts."""
    applied = migrate(SQLite(config.database))
    click.echo("\n".join(f"applied {name}" for name in applied) or "nothing to do")


@main.command()
@settings("public_url")
def openapi(config: Config) -> None:
    """Print the OpenAPI description of what is served."""
    click.echo(json.dumps(describe(resources.ALL, config.public_url or EXAMPLE_URL), indent=2))


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(__version__)


def in_database(config: Config, work: Callable[[Transaction, Vault], T]) -> T:
    database = server.open_database(config)
    try:
        vault = server.open_vault(config, may_make_key=True)
        return database.run(lambda tx: work(tx, vault))
    finally:
        database.close()


def find_account(tx: Transaction, sid: str) -> Account:
    account = accounts.find_account(tx, sid)
    if account is None:
        raise click.ClickException(f"there is no account {sid}")
    return account


def echo_table(rows: list[accounts.Listed]) -> None:
    for sid, friendly_name, date_created in rows:
        day = datetime.fromtimestamp(date_created / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
        click.echo(f"{sid}  {day}  {friendly_name}")


@main.group()
def account() -> None:
    """Accounts, each with its own services, conversations and credentials."""


@account.command("create")
@click.argument("friendly_name", default="My account")
@settings("database")
def create_account(config: Config, friendly_name: str) -> None:
    """Make an account and print its SID and auth token, once."""
    made, token = in_database(config, lambda tx, vault: accounts.create_account(tx, vault, friendly_name))
    click.echo(f"TWILIO_ACCOUNT_SID={made.sid}\nTWILIO_AUTH_TOKEN={token}")


@account.command("list")
@settings("database")
def list_accounts(config: Config) -> None:
    """List the accounts: SID, day of creation, name."""
    echo_table(in_database(config, lambda tx, _: accounts.list_accounts(tx)))


@account.command("rotate-token")
@click.argument("account_sid")
@settings("database")
def rotate_token(config: Config, account_sid: str) -> None:
    """Give an account a new auth token and print it, once; the old one stops working within a second."""
    token = in_database(
        config, lambda tx, vault: accounts.rotate_token(tx, vault, find_account(tx, account_sid))
    )
    click.echo(f"TWILIO_AUTH_TOKEN={token}")


@main.group()
def key() -> None:
    """API keys: credentials of an account that can be revoked one by one."""


@key.command("create")
@click.argument("account_sid")
@click.argument("friendly_name", default="My key")
@settings("database")
def create_key(config: Config, account_sid: str, friendly_name: str) -> None:
    """Make an API key of an account and print its SID and secret, once."""
    made, secret = in_database(
        config, lambda tx, _: accounts.create_key(tx, find_account(tx, account_sid), friendly_name)
    )
    click.echo(f"TWILIO_API_KEY={made.sid}\nTWILIO_API_SECRET={secret}")


@key.command("list")
@click.argument("account_sid")
@settings("database")
def list_keys(config: Config, account_sid: str) -> None:
    """List an account's API keys: SID, day of creation, name."""
    echo_table(in_database(config, lambda tx, _: accounts.list_keys(tx, find_account(tx, account_sid))))


@key.command("revoke")
@click.argument("key_sid")
@settings("database")
def revoke_key(config: Config, key_sid: str) -> None:
    """Revoke an API key; it stops working within a second."""
    if not in_database(config, lambda tx, _: accounts.revoke_key(tx, key_sid)):
        raise click.ClickException(f"there is no key {key_sid}")
    click.echo(f"revoked {key_sid}")
