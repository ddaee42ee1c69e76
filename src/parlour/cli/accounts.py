"""`parlour account …`: creates, lists and deletes accounts, and replaces their auth tokens."""

import asyncio
from datetime import UTC, datetime

import click

from parlour import bootstrap
from parlour.cli.commands import Group
from parlour.cli.in_database import find_account, in_database
from parlour.cli.options import settings
from parlour.config import Config
from parlour.resources import accounts, new_accounts
from parlour.resources.remover import remove_all
from parlour.startup_checks import check_key
from parlour.store import Database


@click.group(cls=Group)
def account() -> None:
    """Create, list and delete accounts.

    Each account has its own services, conversations and credentials.
    """


@account.command("create")
@click.argument("friendly_name", default="My account")
@settings("database")
def create_account(config: Config, friendly_name: str) -> None:
    """Create an account and print its SID and auth token.

    The token is shown only now. If there is no database, one is created.
    """
    check_key(config)
    database = Database(bootstrap.create_engine(config))
    vault = bootstrap.open_fitting_vault(database, config)
    created, token = database.run(lambda tx: new_accounts.create_account(tx, vault, friendly_name))
    click.echo(f"TWILIO_ACCOUNT_SID={created.sid}\nTWILIO_AUTH_TOKEN={token}")


@account.command("list")
@settings("database")
def list_accounts(config: Config) -> None:
    """Print the SID, the date of creation and the name of each account."""
    print_rows(in_database(config, accounts.list_accounts))


@account.command("rotate-token")
@click.argument("account_sid")
@settings("database")
def rotate_token(config: Config, account_sid: str) -> None:
    """Give an account a new auth token and print it.

    The token is shown only now. The old one stops working within a second.
    """
    database = Database(bootstrap.find_engine(config))
    database.run(lambda tx: find_account(tx, account_sid))
    # After the loss of the key, this command creates a new one.
    vault = bootstrap.open_vault(config, may_create_key=True)
    token = database.run(lambda tx: accounts.rotate_token(tx, vault, find_account(tx, account_sid)))
    click.echo(f"TWILIO_AUTH_TOKEN={token}")


@account.command("delete")
@click.argument("account_sid")
@click.confirmation_option(prompt="All of the account's conversations go with it. Delete it?")
@settings("database")
def delete_account(config: Config, account_sid: str) -> None:
    """Delete an account and everything in it.

    Its credentials stop working at once. Its rows are removed in small steps, so that a running server
    can work meanwhile. If the command is interrupted, the server or `parlour purge` removes the rest.
    """
    database = Database(bootstrap.find_engine(config))
    database.run(lambda tx: accounts.delete_account(tx, find_account(tx, account_sid)))
    try:
        asyncio.run(remove_all(database))
    finally:
        database.close()
    click.echo(f"deleted {account_sid}")


def print_rows(rows: list[accounts.Listed]) -> None:
    for sid, friendly_name, date_created in rows:
        day = datetime.fromtimestamp(date_created / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
        click.echo(f"{sid}  {day}  {friendly_name}")
