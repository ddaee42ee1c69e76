"""Closes the connections of the application when the server stops."""

from collections.abc import Awaitable, Callable


class CloseOnShutdown:
    """Middleware of Falcon, called when the server stops."""

    def __init__(self, *closing: Callable[[], Awaitable[None]]) -> None:
        self._closing = closing

    async def process_shutdown(self, _: object, __: object) -> None:
        for close in self._closing:
            await close()
