"""The command line: `parlour serve` and what looks after it."""

import asyncio
import dataclasses
import json
from datetime import UTC, datetime

import click

from parlour import __version__, bootstrap, resources, server
from parlour.api.openapi import describe
from parlour.cli import webhooks as webhook_tools
from parlour.cli.database import database
from parlour.cli.dropin import env, logs, run
from parlour.cli.options import find_account, in_database, settings
from parlour.cli.purge import purge
from parlour.cli.storage import back_up, export, import_
from parlour.config import Config, environment_name
from parlour.logs import configure_logs
from parlour.resources import accounts
from parlour.resources.remover import remove_all
from parlour.startup_checks import ensure_key
from parlour.store import Database
from parlour.store.blobs import open_blobs
from parlour.store.migrate import migrate
from parlour.worker import process as worker
from parlour.worker import run as background

EXAMPLE_URL = "http://127.0.0.1:8080"


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
@settings(*worker.SETTINGS)
def work(config: Config) -> None:
    """Carry what leaves, as the worker does that `serve` starts; ends with its standard input."""
    configure_logs(config.log_level, config.log_format)
    database = Database(bootstrap.find_engine(config, yields=True))
    try:
        vault = bootstrap.open_vault(config, may_make_key=False)
        blobs = open_blobs(config.media_place())
        asyncio.run(worker.work(background.Parts(config, database, vault, blobs)))
    finally:
        database.close()


@main.command()
@click.argument("descriptor", type=int)
@settings()
def answer(config: Config, descriptor: int) -> None:
    """Answer requests on an inherited socket, as the processes do that `serve --workers` starts."""
    server.answer(config, descriptor)


for each in (env, run, logs, back_up, export, import_, database, purge):
    main.add_command(each)


@main.command("migrate")
@settings("database")
def migrate_database(config: Config) -> None:
    """Bring the database to this program's schema, as `serve` does when it starts."""
    applied = migrate(bootstrap.open_engine(config))
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
    """Make an account and print its SID and auth token, once; a database that is missing is made."""
    ensure_key(config)
    database = Database(bootstrap.make_engine(config))
    vault = bootstrap.open_fitting_vault(database, config)
    made, token = database.run(lambda tx: accounts.create_account(tx, vault, friendly_name))
    click.echo(f"TWILIO_ACCOUNT_SID={made.sid}\nTWILIO_AUTH_TOKEN={token}")


@account.command("list")
@settings("database")
def list_accounts(config: Config) -> None:
    """List the accounts: SID, day of creation, name."""
    echo_table(in_database(config, accounts.list_accounts))


@account.command("rotate-token")
@click.argument("account_sid")
@settings("database")
def rotate_token(config: Config, account_sid: str) -> None:
    """Give an account a new auth token and print it, once; the old one stops working within a second."""
    database = Database(bootstrap.find_engine(config))
    database.run(lambda tx: find_account(tx, account_sid))
    # Where the key is lost, this is the way to a new one.
    vault = bootstrap.open_vault(config, may_make_key=True)
    token = database.run(lambda tx: accounts.rotate_token(tx, vault, find_account(tx, account_sid)))
    click.echo(f"TWILIO_AUTH_TOKEN={token}")


@account.command("delete")
@click.argument("account_sid")
@click.confirmation_option(prompt="All of the account's conversations go with it. Delete it?")
@settings("database")
def delete_account(config: Config, account_sid: str) -> None:
    """Delete an account with all that is its own; it stops working at once.

    Its rows are removed in small steps beside other work; if that is interrupted, a server or
    `parlour purge` goes on with it.
    """
    database = Database(bootstrap.find_engine(config))
    database.run(lambda tx: accounts.delete_account(tx, find_account(tx, account_sid)))
    try:
        asyncio.run(remove_all(database))
    finally:
        database.close()
    click.echo(f"deleted {account_sid}")


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
        config, lambda tx: accounts.create_key(tx, find_account(tx, account_sid), friendly_name)
    )
    click.echo(f"TWILIO_API_KEY={made.sid}\nTWILIO_API_SECRET={secret}")


@key.command("list")
@click.argument("account_sid")
@settings("database")
def list_keys(config: Config, account_sid: str) -> None:
    """List an account's API keys: SID, day of creation, name."""
    echo_table(in_database(config, lambda tx: accounts.list_keys(tx, find_account(tx, account_sid))))


@key.command("revoke")
@click.argument("key_sid")
@settings("database")
def revoke_key(config: Config, key_sid: str) -> None:
    """Revoke an API key; it stops working within a second."""
    if not in_database(config, lambda tx: accounts.revoke_key(tx, key_sid)):
        raise click.ClickException(f"there is no key {key_sid}")
    click.echo(f"revoked {key_sid}")


@main.group()
def webhooks() -> None:
    """Webhooks: what is delivered, and a receiver to try things out with."""


@webhooks.command("tail")
@settings("database")
def tail_webhooks(config: Config) -> None:
    """Print deliveries as they happen: SID, event, conversation, target, status, last try."""
    database = Database(bootstrap.find_engine(config))
    try:
        asyncio.run(webhook_tools.tail(database))
    finally:
        database.close()


@webhooks.command("listen")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5000, show_default=True, help="Port to listen on.")
@click.option(
    "--auth-token", envvar="TWILIO_AUTH_TOKEN", show_envvar=True, help="What signatures are checked with."
)
def listen_webhooks(host: str, port: int, auth_token: str | None) -> None:
    """Receive webhooks, check their signatures and print them."""
    webhook_tools.listen(host, port, auth_token)
