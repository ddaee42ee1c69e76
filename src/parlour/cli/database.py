"""`parlour migrate` and `parlour db …`: change the schema of a database, or where its tables are."""

import click

from parlour import bootstrap
from parlour.cli.commands import Command, Group
from parlour.cli.options import settings
from parlour.config import Config
from parlour.store import distribution
from parlour.store.migrate import migrate


@click.command("migrate", cls=Command)
@settings("database")
def migrate_database(config: Config) -> None:
    """Bring the database to the schema of this version.

    `parlour serve` does the same when it starts. If there is no database, one is created.
    """
    applied = migrate(bootstrap.open_engine(config))
    click.echo("\n".join(f"applied {name}" for name in applied) or "nothing to do")


@click.group("db", cls=Group)
def database() -> None:
    """Commands for the database itself."""


@database.command("distribute")
@click.option("--dry-run", is_flag=True, help="Print the SQL statements and do not run them.")
@settings("database")
def distribute(config: Config, *, dry_run: bool) -> None:
    """Distribute the tables of a PostgreSQL database over the servers of a Citus cluster."""
    if dry_run:
        click.echo(
            "".join(f"{statement};\n" for statement in distribution.distributing_statements()), nl=False
        )
        return
    if not config.uses_postgresql:
        raise click.ClickException("only a PostgreSQL database with the extension citus can be distributed")
    engine = bootstrap.open_engine(config)
    migrate(engine)
    session = engine.open()
    try:
        session.begin_alone()
        if not session.execute(distribution.CLUSTERED).fetchall():
            raise click.ClickException("the database has no extension citus: CREATE EXTENSION citus")
        distribution.distribute(session, tell=lambda statement: click.echo(statement.splitlines()[0]))
        session.commit()
    except engine.faults as error:
        raise click.ClickException(f"nothing was distributed: {error}") from None
    finally:
        session.roll_back()
        session.close()
