"""The delivery worker as a process of its own, `parlour work`."""

import asyncio
import contextlib
import os
import signal
import threading

from parlour.bootstrap import Parts, open_existing_parts
from parlour.config import Config
from parlour.logs import configure_logs
from parlour.worker.run import run

NICENESS = 10


def work(config: Config) -> None:
    """Run the worker in this process until SIGTERM or the end of standard input.

    Raises BadSetting if there is no database.
    """
    configure_logs(config.log_level, config.log_format)
    with open_existing_parts(config, yields=True) as parts:
        asyncio.run(run_until_told_to_stop(parts))


async def run_until_told_to_stop(parts: Parts) -> None:
    # The server's requests go first.
    os.nice(NICENESS)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # Ctrl-C reaches the server too, which then closes this process's standard input. SIGHUP is about the
    # server's certificate.
    for each in (signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(each, lambda: None)
    threading.Thread(target=set_at_end_of_input, args=(loop, stop), daemon=True).start()
    await run(parts, stop)


def set_at_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 1):
        pass
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)
