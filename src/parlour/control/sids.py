"""SIDs that a seed determines: the same calls after the same seed make the same SIDs."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from parlour.wire.sids import SidSource

MAX_SEED = 2**63 - 1


class State(NamedTuple):
    """`reserved` are SIDs that fixtures have given: no count leads to them again."""

    seed: int | None
    counts: dict[str, int]
    reserved: set[str]


class Sids:
    """Without a seed as ever; with one, the seed and a count for each kind: `CH`, seed 1, the third."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._unforeseen = SidSource(clock)
        self._lock = threading.Lock()
        self._state = State(None, {}, set())

    def __call__(self, prefix: str) -> str:
        with self._lock:
            seed, counts, reserved = self._state
            while seed is not None:
                counts[prefix] = counts.get(prefix, 0) + 1
                following = f"{prefix}{seed:016x}{counts[prefix]:016x}"
                if following not in reserved:
                    return following
        return self._unforeseen(prefix)

    def reserve(self, sid: str) -> None:
        """Never give this SID: something has it."""
        with self._lock:
            self._state.reserved.add(sid)

    @property
    def state(self) -> State:
        with self._lock:
            return copied(self._state)

    def restore(self, state: State) -> None:
        with self._lock:
            self._state = copied(state)

    def seed(self, seed: int | None) -> None:
        """Begin anew. What was made with this seed before must be gone."""
        self.restore(State(seed, {}, set()))


def copied(state: State) -> State:
    return State(state.seed, dict(state.counts), set(state.reserved))
