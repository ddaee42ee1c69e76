"""Commands about the program: `parlour help` and `parlour version`. They load nothing else of it."""

import click

from parlour import __version__
from parlour.cli.commands import Command


@click.command("help", cls=Command)
@click.argument("words", metavar="[COMMAND]...", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def help_(context: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command.

    For example: parlour help account create. Without COMMAND, the commands are listed.
    """
    shown = context.find_root()
    for word in words:
        if not isinstance(shown.command, click.Group):
            raise click.UsageError(f"{shown.command_path} has no commands.", context)
        name, command, _ = shown.command.resolve_command(shown, [word])
        if command is not None:
            shown = click.Context(command, parent=shown, info_name=name)
    click.echo(shown.get_help())


@click.command(cls=Command)
def version() -> None:
    """Print the version of Parlour."""
    click.echo(__version__)
