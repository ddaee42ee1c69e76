"""`parlour purge`: removes deleted data from the disk and, if asked to, files that belong to no row."""

import asyncio

import click

from parlour import bootstrap
from parlour.cli.commands import Command
from parlour.cli.options import settings
from parlour.config import Config
from parlour.resources.purge import RetentionPolicy
from parlour.resources.purge import purge as purge_now
from parlour.resources.remover import remove_all
from parlour.resources.strays import find_old_strays, remove_strays
from parlour.store import Database
from parlour.store.blobs import Blobs

GRACE_DAYS = 7
MAX_GRACE_DAYS = 3_650


@click.command(cls=Command)
@click.option("--strays", is_flag=True, help="Also remove media files that belong to no row in the database.")
@click.option(
    "--grace-days",
    type=click.IntRange(0, MAX_GRACE_DAYS),
    default=GRACE_DAYS,
    show_default=True,
    help="With --strays: keep files that were stored less than this many days ago.",
)
@click.option("--yes", is_flag=True, help="With --strays: remove them without asking.")
@settings("database", "media", "unattached_hours", "purge_days")
def purge(config: Config, *, strays: bool, grace_days: int, yes: bool) -> None:
    """Remove deleted data from the disk.

    That includes uploads that were never sent. `parlour serve` does the same every minute.

    Media files that belong to no row in the database are only counted, because they may be those of
    another database.
    """
    database = Database(bootstrap.find_engine(config))
    blobs = bootstrap.find_media(config, database)
    asyncio.run(remove_all(database))
    policy = RetentionPolicy(config.unattached_hours, config.purge_days)
    done = asyncio.run(purge_now(database, blobs, policy, thoroughly=True))
    click.echo(f"removed {done.media} media")
    if done.strays and not strays:
        click.echo(f"left {done.strays} files without a row: parlour purge --strays removes them")
    elif strays:
        purge_strays(database, blobs, grace_days, yes=yes)
    if not done.log_is_empty:
        raise click.ClickException("the write-ahead log is in use: run it again")


def purge_strays(database: Database, blobs: Blobs, grace_days: int, *, yes: bool) -> None:
    found = asyncio.run(find_old_strays(database, blobs, grace_days))
    size = sum(file.size for file in found)
    click.echo(
        f"{len(found)} files without a row in {database.engine.name} were stored {grace_days} days ago or"
        f" before: {size:,} bytes"
    )
    if not found:
        return
    if not yes:
        click.confirm("They cannot be brought back. Remove them?", abort=True)
    click.echo(f"removed {asyncio.run(remove_strays(database, blobs, found))} files without a row")
