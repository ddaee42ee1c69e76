"""Processes that a server has beside it: commands of ours, started anew when they end before their time."""

import contextlib
import dataclasses
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable

import structlog

from parlour.config import Config, environment_name, option_name

RESTART_SECONDS = 1.0
# When the system starts no process, for want of memory for instance, the pauses grow up to this.
MAX_RESTART_SECONDS = 30.0

log = structlog.get_logger()


class SupervisedProcess:
    """`parlour <command>` with the settings of the server; it stops when its standard input ends.

    `settings` are those that the command takes as options. A `listener` is open in it too; while it
    is down, nobody listens there.
    """

    def __init__(
        self,
        command: str,
        config: Config,
        settings: Iterable[str],
        *,
        stop_seconds: float,
        listener: socket.socket | None = None,
    ) -> None:
        self._command, self._stop_seconds, self._listener = command, stop_seconds, listener
        self._descriptors = () if listener is None else (listener.fileno(),)
        self._environment = {**os.environ, **environment(config)}
        # A variable that is empty counts as none.
        blanks = [f"{option_name(name)}=" for name in settings if getattr(config, name) == ""]
        self._words = [sys.executable, "-m", "parlour", command, *map(str, self._descriptors), *blanks]
        self._stopping = threading.Event()
        self._process = self._start()
        self._watch = threading.Thread(target=self._run, name=f"{command} watch", daemon=True)
        self._watch.start()

    def ask_to_stop(self) -> None:
        self._stopping.set()
        self._end_input()

    def stop(self) -> None:
        """Let it finish what is under way, and wait for that, but not for ever."""
        self.ask_to_stop()
        self._watch.join(self._stop_seconds)
        self._process.kill()
        self._watch.join()

    def _end_input(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _stop_listening(self) -> None:
        """Leave connections to the others until it is back, and listens again itself."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - it is ourselves
            self._words, stdin=subprocess.PIPE, env=self._environment, pass_fds=self._descriptors
        )

    def _run(self) -> None:
        while True:
            code = self._process.wait()
            if self._stopping.is_set():
                return
            self._stop_listening()
            # A signal to both of them reaches the child first: then it is the server that stops.
            if self._stopping.wait(RESTART_SECONDS):
                return
            log.error("child_ended", command=self._command, code=code)
            if not self._start_again():
                return
            if self._stopping.is_set():
                self._end_input()

    def _start_again(self) -> bool:
        """Start the process anew, with growing pauses while the system refuses. False if it is to stop."""
        pause = RESTART_SECONDS
        while True:
            try:
                self._process = self._start()
            except OSError as error:
                if pause == RESTART_SECONDS:
                    log.error("child_not_started", command=self._command, error=str(error))  # noqa: TRY400 - it says all
            else:
                return True
            if self._stopping.wait(pause):
                return False
            pause = min(2 * pause, MAX_RESTART_SECONDS)


def environment(config: Config) -> dict[str, str]:
    """The settings as environment variables."""
    values = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    return {environment_name(name): str(value) for name, value in values.items() if value is not None}
