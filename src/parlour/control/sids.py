"""SIDs that a seed determines: the same calls after the same seed make the same SIDs."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from parlour.wire.sids import SidSource

MAX_SEED = 2**63 - 1


class State(NamedTuple):
    seed: int | None
    counts: dict[str, int]


class Sids:
    """Without a seed as ever; with one, the seed and a count for each kind: `CH`, seed 1, the third."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._unforeseen = SidSource(clock)
        self._lock = threading.Lock()
        self._state = State(None, {})

    def __call__(self, prefix: str) -> str:
        with self._lock:
            seed, counts = self._state
            if seed is not None:
                counts[prefix] = counts.get(prefix, 0) + 1
                return f"{prefix}{seed:016x}{counts[prefix]:016x}"
        return self._unforeseen(prefix)

    @property
    def state(self) -> State:
        with self._lock:
            return State(self._state.seed, dict(self._state.counts))

    def restore(self, state: State) -> None:
        with self._lock:
            self._state = State(state.seed, dict(state.counts))

    def seed(self, seed: int | None) -> None:
        """Begin anew. What was made with this seed before must be gone."""
        self.restore(State(seed, {}))
