"""The command line: `parlour serve` and the commands that manage what it stores."""

import click
import structlog

from parlour import __version__
from parlour.cli.about import openapi, version
from parlour.cli.accounts import account
from parlour.cli.database import database, migrate_database
from parlour.cli.dropin import env, logs, run
from parlour.cli.keys import key
from parlour.cli.purge import purge
from parlour.cli.serve import answer, serve, work
from parlour.cli.storage import back_up, export, import_
from parlour.cli.webhooks import webhooks
from parlour.logs import configure_logs


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="parlour %(version)s")
def main() -> None:
    """Parlour is a server with the Conversations REST API (v1) of Twilio."""
    if not structlog.is_configured():
        # Commands without log settings of their own print warnings only, and on standard error.
        configure_logs("warning", "console")


for each in (serve, work, answer):
    main.add_command(each)
for each in (account, key, webhooks, database, migrate_database, back_up, export, import_, purge):
    main.add_command(each)
for each in (env, run, logs, openapi, version):
    main.add_command(each)
