"""A clock that can be stopped, set and advanced; until then it is the real one."""

from collections.abc import Callable


class Clock:
    """Milliseconds since 1970, read by several threads and set by one."""

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
        """It goes on from `now`, or stands there if it was stopped."""
        self._ahead = now - self._real()
        if self._stopped_at is not None:
            self._stopped_at = now

    def stop(self) -> None:
        self._stopped_at = self()

    def go_on(self) -> None:
        if self._stopped_at is not None:
            self._ahead = self._stopped_at - self._real()
            self._stopped_at = None

    def advance(self, milliseconds: int) -> None:
        self.set(self() + milliseconds)

    def reset(self) -> None:
        self._ahead, self._stopped_at = 0, None
