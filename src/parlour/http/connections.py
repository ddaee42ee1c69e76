"""The open connections of a process: their number, their deadlines, and which is closed to make room."""

import asyncio
import os
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple, Protocol

import structlog

from parlour.config import Config

# This share of the descriptors that are free when the first connection comes stays free: for files, the
# database and the server's own requests.
FREE_SHARE = 0.25
MIN_FREE_DESCRIPTORS = 16
# The most descriptors that a process asks the system for.
MAX_DESCRIPTORS = 65_536
# Bytes of pipelined requests that wait in memory, of all connections together.
MAX_HELD_BYTES = 16 * 1_048_576
# Connections that are looked at for one that can be closed at once.
MAX_LOOKED_AT = 64
# How long a connection that was refused, or closed to make room, stays open, so that the client can read.
LINGER_SECONDS = 2.0
MAX_SWEEP_SECONDS = 1.0

log = structlog.get_logger()


class Limits(NamedTuple):
    """The limits of a process: a number of connections, and seconds."""

    connections: int
    head_seconds: float
    body_seconds: float
    send_seconds: float
    idle_seconds: float


def limits_of(config: Config) -> Limits:
    return Limits(
        config.max_connections,
        config.head_seconds,
        config.body_seconds,
        config.send_seconds,
        config.idle_seconds,
    )


class Connection(Protocol):
    """One open connection. `deadline` is a time of the event loop; it is infinite during a request's work."""

    deadline: float

    def expire(self) -> None:
        """Called when the deadline has passed: set a later one, or close."""

    @property
    def has_unsent_bytes(self) -> bool:
        """Whether the client has not yet taken all of its answers."""

    def drop(self) -> bool:
        """Close, to make room. Return whether the descriptor is free at once, and not a moment later."""


class Connections:
    """All connections of a process. One timer checks all deadlines, so that a request sets no timer."""

    def __init__(self, limits: Limits, free_descriptors: Callable[[], int] | None = None) -> None:
        self.limits = limits
        self._free_descriptors = free_descriptors or count_free_descriptors
        # Set with the first connection, when everything else that takes descriptors is open.
        self._most = 0
        # Each open connection with the number of descriptors that it takes.
        self._open: dict[Connection, int] = {}
        self._used = 0
        # Connections that have sent no whole request since their last answer; the first has waited longest.
        self._waiting: dict[Connection, None] = {}
        self._leaving: set[Connection] = set()
        self._held = 0
        self._closed_for_others = self._refused = 0
        self._sweeping = False

    def admit(self, connection: Connection, descriptors: int = 1) -> bool:
        """Add a connection. False if there is no room for it, even after waiting ones were closed."""
        if not self._most:
            self._most = min(self.limits.connections, self._free_descriptors())
        room = self._make_room(descriptors)
        # A refused connection closes soon, and is not counted until then.
        self._open[connection] = descriptors if room else 0
        self._used += self._open[connection]
        if not room:
            self._leaving.add(connection)
            self._refused += 1
        if not self._sweeping:
            self._sweeping = True
            self._sweep_later()
        return room

    def wait(self, connection: Connection) -> None:
        """Mark the connection as waiting for a request: it may be closed to make room."""
        self._waiting[connection] = None

    def work(self, connection: Connection) -> None:
        """Mark the connection as busy: it is not closed to make room until its request was answered."""
        self._waiting.pop(connection, None)

    def remove(self, connection: Connection) -> None:
        self._waiting.pop(connection, None)
        self._leaving.discard(connection)
        self._used -= self._open.pop(connection, 0)

    def hold(self, size: int) -> bool:
        """Count bytes of later requests that wait. False if all connections together hold too many."""
        if self._held + size > MAX_HELD_BYTES:
            return False
        self._held += size
        return True

    def release(self, size: int) -> None:
        self._held -= size

    def is_crowded(self) -> bool:
        """True if so many connections are being refused that the next one is closed without an answer."""
        return len(self._leaving) > MIN_FREE_DESCRIPTORS // 2

    def _make_room(self, descriptors: int) -> bool:
        for _ in range(descriptors):
            if self._used + descriptors <= self._most or not self._waiting:
                break
            closed = self._next_to_close()
            self._waiting.pop(closed)
            self._closed_for_others += 1
            # One whose client still has to read takes its place, and has a deadline, until it is gone.
            if closed.drop():
                self.remove(closed)
        return self._used + descriptors <= self._most or not descriptors

    def _next_to_close(self) -> Connection:
        """Return the connection that has waited longest, if possible of those that can be closed at once."""
        for connection in islice(self._waiting, MAX_LOOKED_AT):
            if not connection.has_unsent_bytes:
                return connection
        return next(iter(self._waiting))

    def _sweep_later(self) -> None:
        seconds = min(MAX_SWEEP_SECONDS, min(self.limits[1:]) / 4)
        asyncio.get_running_loop().call_later(seconds, self._sweep)

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        for each in [each for each in self._open if each.deadline <= now]:
            each.expire()
        if self._closed_for_others or self._refused:
            log.warning("connections_full", closed=self._closed_for_others, refused=self._refused)
            self._closed_for_others = self._refused = 0
        self._sweeping = bool(self._open)
        if self._sweeping:
            self._sweep_later()


def count_free_descriptors() -> int:
    """Raise the process's limit of descriptors as far as it may; return how many connections may take."""
    import resource  # noqa: PLC0415 - not every system has it

    soft, hard = (
        MAX_DESCRIPTORS if each == resource.RLIM_INFINITY else each
        for each in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    if soft < min(hard, MAX_DESCRIPTORS):
        soft = min(hard, MAX_DESCRIPTORS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # The lowest free descriptor: about as many are in use.
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    free = soft - lowest
    return max(1, free - max(MIN_FREE_DESCRIPTORS, int(free * FREE_SHARE)))
