"""The processor time of processes, as the system counts it; 0 on systems without /proc."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from bench.results import ProcessorShares

COUNTS = Path("/proc/stat")
# Columns of /proc/stat: user, nice, system, irq, softirq.
BUSY = (0, 1, 2, 5, 6)


class ProcessorWatch:
    """Adds up the processor time of Parlour, PostgreSQL and the load generator while it is `watching`."""

    def __init__(self, parlour: int, postgresql: int) -> None:
        self._process_ids = (parlour, postgresql)
        self._spent = [0.0, 0.0, 0.0, 0.0]
        self._available = 0.0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        before, started = self._used(), time.perf_counter()
        yield
        self._available += (time.perf_counter() - started) * (os.cpu_count() or 1)
        for index, (then, now) in enumerate(zip(before, self._used(), strict=True)):
            self._spent[index] += now - then

    def shares(self) -> ProcessorShares:
        parlour, postgresql, generator, busy = (spent / self._available for spent in self._spent)
        others = max(busy - parlour - postgresql - generator, 0.0)
        return ProcessorShares(parlour, postgresql, generator, others)

    def _used(self) -> tuple[float, float, float, float]:
        own = os.times()
        # wrk is a child process that has ended by now; the other load generator is this process.
        generator = own.user + own.system + own.children_user + own.children_system
        parlour, postgresql = map(seconds_of, self._process_ids)
        return parlour, postgresql, generator, busy_seconds()


def seconds_of(process_id: int) -> float:
    """Return the processor time of a process and of all its descendants, also those that have ended."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = file.read_text().rpartition(")")[2].split()
            number = int(file.parent.name)
            parents[number], ticks[number] = int(fields[1]), sum(map(int, fields[11:15]))
    family = {process_id}
    while more := {number for number, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks.get(number, 0) for number in family) / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """Return the processor time that the whole machine has used."""
    if not COUNTS.exists():
        return 0.0
    columns = COUNTS.read_text().split("\n", 1)[0].split()[1:]
    return sum(int(columns[index]) for index in BUSY) / os.sysconf("SC_CLK_TCK")
