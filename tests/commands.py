"""Runs commands of `parlour`: here, which is quick, or as a process, where that is the subject."""

import contextlib
import os
import subprocess
from typing import NamedTuple
from unittest import mock

import click
from click.testing import CliRunner

from parlour import server
from parlour.cli import main
from parlour.cli.commands import LazyCommand
from tests.servers import TIMEOUT_SECONDS, ServerProcess


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def all_commands(group=main, words=()):
    """Every command that is no group, internal ones too, by the words that call it."""
    found = {}
    for name, listed in group.commands.items():
        command = listed.load() if isinstance(listed, LazyCommand) else listed
        if isinstance(command, click.Group):
            found |= all_commands(command, (*words, name))
        else:
            found[*words, name] = command
    return found


def run(folder, *words, **environment):
    """A command in this process; an exception that would print a traceback is raised."""
    with contextlib.chdir(folder):
        done = CliRunner().invoke(main, list(map(str, words)), env=environment, catch_exceptions=False)
    return Ended(done.exit_code, done.stdout, done.stderr)


def run_process(folder, *words, text=None, **environment):
    return subprocess.run(
        [ServerProcess.PROGRAM, *words],
        cwd=folder,
        env={**os.environ, **environment},
        input=text,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def refused(folder, *options, **environment):
    """A `parlour serve` that is expected to refuse: it takes no signals and no logs from the tests."""
    with (
        mock.patch.object(server, "exit_on_signals"),
        mock.patch.object(server, "configure_logs"),
        mock.patch("uvicorn.Server.run", side_effect=AssertionError("it was not refused")),
    ):
        return run(folder, "serve", "--port", "0", *options, **environment)
