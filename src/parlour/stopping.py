"""Ends a process in order: at a signal, or when its standard input ends."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from parlour.service_manager import STOPPING, notify


def exit_on_signals() -> None:
    """End the process at SIGTERM and SIGINT by SystemExit, so that what is open is closed."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, exit_now)


def exit_now(_: int, __: FrameType | None) -> NoReturn:
    # uvicorn raises the signal again once it has stopped; from here the database is closed.
    notify(STOPPING)
    sys.exit(0)


def call_at_end_of_input(stop: Callable[[], None]) -> None:
    """Call `stop` from a thread when standard input ends."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 1):
                pass
        stop()

    threading.Thread(target=wait, name="input", daemon=True).start()
