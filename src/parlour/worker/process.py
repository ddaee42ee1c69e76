"""The background worker: a process of its own that carries what leaves, started and watched by the server."""

import asyncio
import contextlib
import os
import signal
import threading

import structlog

from parlour.config import Config
from parlour.store import Database
from parlour.supervisor import RESTART_SECONDS, SupervisedProcess
from parlour.webhooks.dispatcher import sleep_until
from parlour.worker import run as background

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
        """Work until the stop. Whatever ends the work before is logged, and it begins anew."""
        while not self._stop.is_set():
            try:
                self._loop.run_until_complete(background.run(self._parts, self._stop))
            except Exception:
                log.exception("worker_failed")
                self._loop.run_until_complete(sleep_until(self._stop, RESTART_SECONDS))


def start_worker(config: Config) -> SupervisedProcess:
    return SupervisedProcess("work", config, SETTINGS, stop_seconds=STOP_SECONDS)
