"""The command line: `parlour serve` and the commands that manage what it stores."""

from parlour.cli.accounts import main

__all__ = ["main"]
