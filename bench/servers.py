"""The servers that are measured. Each is a process of its own that ends with its `with` block."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.errors import BenchError
from bench.operations import ACCOUNT_SID, AUTH_TOKEN, Request, send_request
from parlour.config import ENVIRONMENT_PREFIX

PARLOUR = Path(sys.executable).with_name("parlour")
PRESET = {"PARLOUR_ACCOUNT_SID": ACCOUNT_SID, "PARLOUR_AUTH_TOKEN": AUTH_TOKEN}
HEALTH = Request("GET", "/healthz")
STOP_SECONDS = 40
SHOWN_CHARACTERS = 2_000

ADDRESS = re.compile(r".* answers at (\S+?),")
MEMORY = re.compile(r"^(VmRSS|VmHWM):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Memory:
    """Resident memory in megabytes: now, and the peak so far."""

    now: float
    peak: float


@dataclass(frozen=True)
class Server:
    """A running server; `first_answer_seconds` is the time from its start to its first answer."""

    name: str
    url: str
    process_id: int
    first_answer_seconds: float

    def memory(self) -> Memory | None:
        """Return the memory of the process; None on systems without /proc."""
        status = Path(f"/proc/{self.process_id}/status")
        if not status.exists():
            return None
        megabytes = {name: int(kilobytes) / 1_024 for name, kilobytes in MEMORY.findall(status.read_text())}
        return Memory(megabytes["VmRSS"], megabytes["VmHWM"])


def running_parlour(folder: Path, database: Path | str, *options: str) -> AbstractContextManager[Server]:
    """Start `parlour serve` with default settings and these options."""
    words: list[str | Path] = [PARLOUR, "serve", "--port", "0", "--database", database]
    if "://" in str(database):
        # On PostgreSQL, the media directory has no default that differs by database.
        words += ["--media", folder / f"{urlsplit(str(database)).path.rpartition('/')[2]}.media"]
    return running("Parlour", [*words, *options], folder)


def running_module(name: str, folder: Path, *arguments: str | Path) -> AbstractContextManager[Server]:
    """Start the server in the module bench.<name>."""
    return running(name, [sys.executable, "-m", f"bench.{name}", *arguments], folder)


@contextlib.contextmanager
def running(name: str, command: Sequence[str | Path], folder: Path) -> Iterator[Server]:
    settings = {key: value for key, value in os.environ.items() if not key.startswith(ENVIRONMENT_PREFIX)}
    log = folder / f"{name}.log"
    with log.open("ab") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=settings | PRESET, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        try:
            url = address(process)
            if url is None:
                raise BenchError(f"{name} did not start:\n{log.read_text()[-SHOWN_CHARACTERS:]}")
            send_request(url, HEALTH)
            yield Server(name, url, process.pid, time.perf_counter() - started)
        finally:
            stop(process)


def address(process: subprocess.Popen[str]) -> str | None:
    """Return the URL that the process prints when it listens; None if it ends before that."""
    for line in process.stdout or ():
        found = ADDRESS.match(line)
        if found:
            return found[1]
    return None


def stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
