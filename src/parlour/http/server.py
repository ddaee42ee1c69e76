"""uvicorn's server, which also tells the service manager when it answers and when it begins to stop."""

import socket
from types import FrameType

import uvicorn

from parlour.service_manager import READY, STOPPING, notify


class NotifyingServer(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            notify(READY)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        notify(STOPPING)
        super().handle_exit(sig, frame)
