"""A clock that can be stopped, set and advanced. Until then it shows the real time."""

from collections.abc import Callable


class ControlledClock:
    """Returns milliseconds since 1970. Any thread may read it; one at a time may set it."""

    def __init__(self, real: Callable[[], int]) -> None:
        self._real = real
        self._ahead = 0
        self._stopped_at: int | None = None

    def __call__(self) -> int:
        stopped_at = self._stopped_at
        return self._real() + self._ahead if stopped_at is None else stopped_at

    @property
    def is_stopped(self) -> bool:
        return self._stopped_at is not None

    def set(self, now: int) -> None:
        """Set the time to `now`. A stopped clock stays stopped, at that time."""
        self._ahead = now - self._real()
        if self._stopped_at is not None:
            self._stopped_at = now

    def stop(self) -> None:
        self._stopped_at = self()

    def resume(self) -> None:
        if self._stopped_at is not None:
            self._ahead = self._stopped_at - self._real()
            self._stopped_at = None

    def advance(self, milliseconds: int) -> None:
        self.set(self() + milliseconds)

    def reset(self) -> None:
        self._ahead, self._stopped_at = 0, None
