"""`parlour work`: the delivery worker, which `parlour serve` starts. It loads nothing of the server."""

import click

from parlour.cli.commands import Command
from parlour.cli.options import settings
from parlour.config import Config
from parlour.worker import process


@click.command(cls=Command)
@settings(starts_server=True)
def work(config: Config) -> None:
    """Run the delivery worker.

    Normally `parlour serve` starts it. It sends webhooks and messages for other channels, and stops when
    its standard input ends.
    """
    process.work(config)
