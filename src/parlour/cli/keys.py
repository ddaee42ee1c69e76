"""`parlour key …`: creates, lists and revokes the API keys of an account."""

import click

from parlour.cli.accounts import print_rows
from parlour.cli.commands import Group
from parlour.cli.in_database import find_account, in_database
from parlour.cli.options import settings
from parlour.config import Config
from parlour.resources import accounts


@click.group(cls=Group)
def key() -> None:
    """Create, list and revoke API keys.

    An API key is a credential of an account that can be revoked by itself: give each program its own.
    """


@key.command("create")
@click.argument("account_sid")
@click.argument("friendly_name", default="My key")
@settings("database")
def create_key(config: Config, account_sid: str, friendly_name: str) -> None:
    """Create an API key for an account and print its SID and secret.

    The secret is shown only now.
    """
    created, secret = in_database(
        config, lambda tx: accounts.create_key(tx, find_account(tx, account_sid), friendly_name)
    )
    click.echo(f"TWILIO_API_KEY={created.sid}\nTWILIO_API_SECRET={secret}")


@key.command("list")
@click.argument("account_sid")
@settings("database")
def list_keys(config: Config, account_sid: str) -> None:
    """Print the SID, the date of creation and the name of each API key of an account."""
    print_rows(in_database(config, lambda tx: accounts.list_keys(tx, find_account(tx, account_sid))))


@key.command("revoke")
@click.argument("key_sid")
@settings("database")
def revoke_key(config: Config, key_sid: str) -> None:
    """Revoke an API key; it stops working within a second."""
    if not in_database(config, lambda tx: accounts.revoke_key(tx, key_sid)):
        raise click.ClickException(f"there is no key {key_sid}")
    click.echo(f"revoked {key_sid}")
