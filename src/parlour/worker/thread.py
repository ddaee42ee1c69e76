"""The delivery worker as a thread of the server, for a server whose clock is under control."""

import asyncio
import dataclasses
import threading

import structlog

from parlour.bootstrap import Parts
from parlour.store import Database
from parlour.supervisor import RESTART_SECONDS
from parlour.webhooks.dispatcher import sleep_until
from parlour.worker.run import run

log = structlog.get_logger()


class WorkerThread:
    """Runs the worker in a thread with an event loop, by the clock of the server's database."""

    def __init__(self, parts: Parts) -> None:
        # A database of its own: results come back to the event loop that asked for them.
        self._database = Database(parts.database.engine, parts.database.clock)
        self._parts = dataclasses.replace(parts, database=self._database)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="worker")
        self._thread.start()

    def stop(self) -> None:
        """Let the worker finish the deliveries under way, and wait for that."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()
        self._database.close()

    def _run(self) -> None:
        """Run until the stop. An error that ends the worker before is logged, and it starts again."""
        while not self._stop.is_set():
            try:
                self._loop.run_until_complete(run(self._parts, self._stop))
            except Exception:
                log.exception("worker_failed")
                self._loop.run_until_complete(sleep_until(self._stop, RESTART_SECONDS))
