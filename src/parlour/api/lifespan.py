"""The end of the server: connections that the application holds are closed."""

from collections.abc import Awaitable, Callable


class ClosedAtTheEnd:
    """Falcon's middleware, called when the server stops."""

    def __init__(self, *closing: Callable[[], Awaitable[None]]) -> None:
        self._closing = closing

    async def process_shutdown(self, _: object, __: object) -> None:
        for close in self._closing:
            await close()
