"""What processes took of the processors, as the system counts it; nothing where it does not tell."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from bench.results import Shares

COUNTS = Path("/proc/stat")
# Of the columns of /proc/stat: user, nice, system; irq and softirq.
BUSY = (0, 1, 2, 5, 6)


class Watch:
    """Adds up what each took in blocks, of the seconds that the processors had."""

    def __init__(self, parlour: int, postgresql: int) -> None:
        self._process_ids = (parlour, postgresql)
        self._spent = [0.0, 0.0, 0.0, 0.0]
        self._whole = 0.0

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        before, started = self._taken(), time.perf_counter()
        yield
        self._whole += (time.perf_counter() - started) * (os.cpu_count() or 1)
        for place, (then, now) in enumerate(zip(before, self._taken(), strict=True)):
            self._spent[place] += now - then

    def shares(self) -> Shares:
        parlour, postgresql, generator, busy = (spent / self._whole for spent in self._spent)
        others = max(busy - parlour - postgresql - generator, 0.0)
        return Shares(parlour, postgresql, generator, others)

    def _taken(self) -> tuple[float, float, float, float]:
        own = os.times()
        # wrk is a child of ours that has ended by then; the other generator is this process itself.
        generator = own.user + own.system + own.children_user + own.children_system
        parlour, postgresql = map(seconds_of, self._process_ids)
        return parlour, postgresql, generator, busy_seconds()


def seconds_of(process_id: int) -> float:
    """Processor time of a process and of all below it, those that have ended too."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            told = place.read_text().rpartition(")")[2].split()
            number = int(place.parent.name)
            parents[number], ticks[number] = int(told[1]), sum(map(int, told[11:15]))
    family = {process_id}
    while more := {number for number, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(ticks.get(number, 0) for number in family) / os.sysconf("SC_CLK_TCK")


def busy_seconds() -> float:
    """Processor time of the whole machine."""
    if not COUNTS.exists():
        return 0.0
    columns = COUNTS.read_text().split("\n", 1)[0].split()[1:]
    return sum(int(columns[place]) for place in BUSY) / os.sysconf("SC_CLK_TCK")
