"""Runs commands of this program as processes beside the server, and starts them again when they end."""

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

import structlog

from parlour.config import Config, environment_name, option_name
from parlour.service_manager import VARIABLE as NOTIFY_SOCKET

RESTART_SECONDS = 1.0
# While the system starts no process, for want of memory for instance, the pauses grow up to this.
MAX_RESTART_SECONDS = 30.0

log = structlog.get_logger()


class SupervisedProcess:
    """Runs `parlour <command>` with all settings of `config`, and starts it again when it ends unasked.

    The process is told to stop by the end of its standard input. If a `listener` is given, the process
    inherits it; while the process is down, the socket does not listen.
    """

    def __init__(
        self, command: str, config: Config, *, stop_seconds: float, listener: socket.socket | None = None
    ) -> None:
        self._command, self._stop_seconds, self._listener = command, stop_seconds, listener
        self._descriptors = () if listener is None else (listener.fileno(),)
        arguments = command_line(command, config, self._descriptors)
        self._arguments = [sys.executable, "-m", "parlour", *arguments]
        self._environment = environment(config, os.environ)
        self._stopping = threading.Event()
        self._process = self._start()
        self._watcher = threading.Thread(target=self._watch, name=f"{command} watch", daemon=True)
        self._watcher.start()

    def send_signal(self, number: int) -> None:
        """Send a signal to the process, if it runs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def ask_to_stop(self) -> None:
        """Close the standard input of the process, and return at once."""
        self._stopping.set()
        self._close_input()

    def stop(self) -> None:
        """Let the process finish its work for up to `stop_seconds`, then kill it."""
        self.ask_to_stop()
        self._watcher.join(self._stop_seconds)
        self._process.kill()
        self._watcher.join()

    def _close_input(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _stop_listening(self) -> None:
        """Leave new connections to the other processes, until this one has started and listens again."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)

    def _start(self) -> subprocess.Popen[bytes]:
        # The process inherits the mask: SIGHUP waits until it is handled, and never ends the process.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        try:
            return subprocess.Popen(  # noqa: S603 - it is this program
                self._arguments, stdin=subprocess.PIPE, env=self._environment, pass_fds=self._descriptors
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def _watch(self) -> None:
        while True:
            code = self._process.wait()
            if self._stopping.is_set():
                return
            self._stop_listening()
            # A signal to the process group ends this process first: then the server is about to stop.
            if self._stopping.wait(RESTART_SECONDS):
                return
            log.error("child_ended", command=self._command, code=code)
            if not self._start_again():
                return
            if self._stopping.is_set():
                self._close_input()

    def _start_again(self) -> bool:
        """Start the process, with growing pauses while the system refuses. False if it is to stop."""
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


def command_line(command: str, config: Config, descriptors: Sequence[int] = ()) -> list[str]:
    """Return the arguments of `parlour` for a process that gets all settings from `environment`.

    Settings that are empty texts are options: an empty environment variable counts as none.
    """
    options = [field.name for field in dataclasses.fields(config) if field.metadata["option"]]
    empty = [f"{option_name(name)}=" for name in options if getattr(config, name) == ""]
    return [command, *map(str, descriptors), *empty]


def environment(config: Config, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the inherited variables with every setting of `config`; one that is None has no variable."""
    values = {environment_name(f.name): getattr(config, f.name) for f in dataclasses.fields(config)}
    # The service manager hears of the server itself only.
    others = {name: value for name, value in inherited.items() if name not in {*values, NOTIFY_SOCKET}}
    return others | {name: str(value) for name, value in values.items() if value is not None}
