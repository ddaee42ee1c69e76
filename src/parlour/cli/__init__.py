"""The command line: `parlour serve` and the commands that manage what it stores."""

import click

from parlour import __version__
from parlour.cli.commands import Group, LazyCommand

# The summaries are those of the commands themselves: a test compares them.
COMMANDS = (
    LazyCommand("account", "accounts:account", "Create, list and delete accounts."),
    LazyCommand("answer", "serve:answer", "Answer requests on an inherited socket.", hidden=True),
    LazyCommand("backup", "storage:back_up", "Copy an SQLite database, also while the server runs."),
    LazyCommand("db", "database:database", "Commands for the database itself."),
    LazyCommand("env", "dropin:env", "Print environment variables that send clients to a server."),
    LazyCommand("export", "storage:export", "Write all rows of the database to a file, as JSON Lines."),
    LazyCommand("help", "about:help_", "Show the help of a command."),
    LazyCommand("import", "storage:import_", "Add the rows of an export to the database."),
    LazyCommand("key", "keys:key", "Create, list and revoke API keys."),
    LazyCommand("logs", "dropin:logs", "Print the requests that a server with --control has answered."),
    LazyCommand("migrate", "database:migrate_database", "Bring the database to the schema of this version."),
    LazyCommand("openapi", "openapi:openapi", "Print the OpenAPI description of the API, as JSON."),
    LazyCommand("purge", "purge:purge", "Remove deleted data from the disk."),
    LazyCommand("run", "run:run", "Run a command against a new, empty server."),
    LazyCommand("serve", "serve:serve", "Start the server."),
    LazyCommand("version", "about:version", "Print the version of Parlour."),
    LazyCommand("webhooks", "webhooks:webhooks", "Watch deliveries of webhooks, or receive webhooks."),
    LazyCommand("work", "work:work", "Run the delivery worker.", hidden=True),
)


@click.group(
    "parlour",
    cls=Group,
    commands=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`parlour help COMMAND` shows the options of a command. To start, type: parlour serve",
)
@click.version_option(__version__, "-V", "--version", message="parlour %(version)s")
def main() -> None:
    """Parlour is a server with the Conversations REST API (v1) of Twilio."""
