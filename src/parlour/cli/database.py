"""`parlour db …`: what is done to a database once in its life."""

import click

from parlour import bootstrap
from parlour.cli.options import settings
from parlour.config import Config
from parlour.store import distribution
from parlour.store.migrate import migrate


@click.group("db")
def database() -> None:
    """Work on the database itself."""


@database.command("distribute")
@click.option("--dry-run", is_flag=True, help="Print the statements, and do nothing.")
@settings("database")
def distribute(config: Config, *, dry_run: bool) -> None:
    """Spread the tables of a PostgreSQL database over the servers of a Citus cluster."""
    if dry_run:
        click.echo(
            "".join(f"{statement};\n" for statement in distribution.distributing_statements()), nl=False
        )
        return
    if not config.is_on_a_server:
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
