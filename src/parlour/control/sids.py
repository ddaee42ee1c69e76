"""Reproducible SIDs: with the same seed, the same calls return the same SIDs."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from parlour.wire.sids import SidSource

MAX_SEED = 2**63 - 1


class SidState(NamedTuple):
    """The seed, the number of SIDs by prefix, and the SIDs that fixtures have given, which are skipped."""

    seed: int | None
    counts: dict[str, int]
    reserved: set[str]


class SeededSids:
    """A source of SIDs, which consist of prefix, seed and a count. Without a seed they are as usual."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._usual_sids = SidSource(clock)
        self._lock = threading.Lock()
        self._state = SidState(None, {}, set())

    def __call__(self, prefix: str) -> str:
        with self._lock:
            seed, counts, reserved = self._state
            while seed is not None:
                counts[prefix] = counts.get(prefix, 0) + 1
                next_sid = f"{prefix}{seed:016x}{counts[prefix]:016x}"
                if next_sid not in reserved:
                    return next_sid
        return self._usual_sids(prefix)

    def reserve(self, sid: str) -> None:
        """Never return this SID: a fixture has used it."""
        with self._lock:
            self._state.reserved.add(sid)

    @property
    def state(self) -> SidState:
        with self._lock:
            return copy_of(self._state)

    def restore(self, state: SidState) -> None:
        with self._lock:
            self._state = copy_of(state)

    def seed(self, seed: int | None) -> None:
        """Start to count again. Rows with SIDs of this seed must have been deleted."""
        self.restore(SidState(seed, {}, set()))


def copy_of(state: SidState) -> SidState:
    return SidState(state.seed, dict(state.counts), set(state.reserved))
