"""The background worker: a process of its own that carries what leaves, started and watched by the server."""

import asyncio
import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading

import structlog

from parlour import background
from parlour.config import Config, environment_name, option_name
from parlour.store import Database

# What the worker is told of the server's settings, as options or variables of `parlour work`.
SETTINGS = (
    "host",
    "database",
    "media",
    "public_url",
    "log_level",
    "log_format",
    "webhook_delays",
    "webhook_private",
    "webhook_keep_days",
    "studio_url",
    "channels",
    "simulated_delays",
    "gateway_url",
)
RESTART_SECONDS = 1.0
# Longer than a target may take to answer.
STOP_SECONDS = 15.0
NICENESS = 10

log = structlog.get_logger()


async def work(parts: background.Parts) -> None:
    """Carry what leaves until SIGTERM, or until whoever started this closes its standard input."""
    # Whoever waits for an answer goes first.
    os.nice(NICENESS)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # Ctrl-C reaches the server too, which then closes our standard input.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    threading.Thread(target=wait_for_end_of_input, args=(loop, stop), daemon=True).start()
    await background.run(parts, stop)


def wait_for_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 1):
        pass
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)


class WorkerThread:
    """The same work in a thread, for a server whose clock is under control."""

    def __init__(self, parts: background.Parts) -> None:
        # Of its own, since answers come back to the event loop that asked; with the same clock.
        self._database = Database(parts.database.engine, parts.database.clock)
        self._parts = parts._replace(database=self._database)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="worker")
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()
        self._database.close()

    def _run(self) -> None:
        self._loop.run_until_complete(background.run(self._parts, self._stop))


class Worker:
    """A worker process, started anew when it ends before its time."""

    def __init__(self, config: Config) -> None:
        self._environment = {**os.environ, **environment(config)}
        # A variable that is empty counts as none.
        self._blanks = [f"{option_name(name)}=" for name in SETTINGS if getattr(config, name) == ""]
        self._stopping = threading.Event()
        self._process = self._start()
        self._watch = threading.Thread(target=self._run, name="worker watch", daemon=True)
        self._watch.start()

    def stop(self) -> None:
        """Let it finish what is under way, and wait for that, but not for ever."""
        self._stopping.set()
        self._end_input()
        self._watch.join(STOP_SECONDS)
        self._process.kill()
        self._watch.join()

    def _end_input(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _start(self) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "parlour", "work", *self._blanks]
        return subprocess.Popen(words, stdin=subprocess.PIPE, env=self._environment)  # noqa: S603 - it is ourselves

    def _run(self) -> None:
        while True:
            code = self._process.wait()
            if self._stopping.is_set():
                return
            # A signal to both of them reaches the worker first: then it is the server that stops.
            if self._stopping.wait(RESTART_SECONDS):
                return
            log.error("worker_ended", code=code)
            self._process = self._start()
            if self._stopping.is_set():
                self._end_input()


def environment(config: Config) -> dict[str, str]:
    """The settings as environment variables."""
    values = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    return {environment_name(name): str(value) for name, value in values.items() if value is not None}
