"""The kinds of commands: groups that show their help, and commands that are loaded when they are used."""

import importlib
from typing import Any

import click

Words = list[str]


class Command(click.Command):
    """A command whose summary in lists is the first paragraph of its help, whole."""

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 - click would cut the summary there
        return summary_of(self)


def summary_of(command: click.Command) -> str:
    return command.short_help or " ".join((command.help or "").partition("\n\n")[0].split())


class LazyCommand(Command):
    """Stands for a command in the list of its group, until it is called: its module is not loaded before.

    So `parlour --help` and the completion of a shell load the code of no command.
    """

    def __init__(self, name: str, place: str, summary: str, *, hidden: bool = False) -> None:
        super().__init__(name, short_help=summary, hidden=hidden, add_help_option=False)
        self._place = place

    def load(self) -> click.Command:
        """Return the command itself, which has the same name."""
        module, _, attribute = self._place.partition(":")
        command = getattr(importlib.import_module(f"parlour.cli.{module}"), attribute)
        if not isinstance(command, click.Command) or command.name != self.name:
            raise TypeError(f"{self._place} is not the command {self.name}")
        command.hidden = self.hidden
        return command


class Group(click.Group):
    """A group of commands. Called without one, it prints its help."""

    command_class = Command

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 - as above
        return summary_of(self)

    def parse_args(self, ctx: click.Context, args: Words) -> Words:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: click.Context, args: Words) -> Any:
        name, command, others = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, others
