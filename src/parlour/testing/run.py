"""`parlour run`: runs a command with the environment of a server that is started for it."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType

from parlour.testing.descendants import adopt_orphans, children, end_descendants

# Some systems do not have all of them.
NAMES = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2")
FORWARDED = {name: getattr(signal, name) for name in NAMES if hasattr(signal, name)}
FROM_THE_KEYBOARD = {FORWARDED.get("SIGINT"), FORWARDED.get("SIGQUIT")}

# Exit statuses, as shells use them.
NOT_EXECUTABLE, NOT_FOUND, KILLED_BY = 126, 127, 128


class Forwarder:
    """Forwards signals to the command. Before it has started, a signal ends this program."""

    def __init__(self) -> None:
        self.command: subprocess.Popen[bytes] | None = None
        for each in FORWARDED.values():
            signal.signal(each, self)

    def __call__(self, number: int, _: FrameType | None) -> None:
        if self.command is None:
            sys.exit(KILLED_BY + number)
        if number in FROM_THE_KEYBOARD and is_in_foreground():
            return  # The terminal has sent it to the command as well.
        with contextlib.suppress(ProcessLookupError):
            self.command.send_signal(number)


def is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (AttributeError, OSError, ValueError):
        return False


def run(words: Sequence[str], environment: Mapping[str, str], forwarder: Forwarder) -> int:
    """Run a command and return its exit status, or 128 plus the number of the signal that ended it.

    When it has ended, the processes that it has left behind are ended, too.
    """
    kept = children() if adopt_orphans() else None
    try:
        forwarder.command = subprocess.Popen(words, env={**os.environ, **environment})  # noqa: S603 - given on the command line
    except FileNotFoundError:
        return NOT_FOUND
    except OSError:
        return NOT_EXECUTABLE
    code = forwarder.command.wait()
    if kept is not None:
        end_descendants(kept)
    return code if code >= 0 else KILLED_BY - code
