"""uvicorn's server, which also speaks to the service manager and reads its certificate again when told."""

import asyncio
import signal
import socket
import threading
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from parlour.service_manager import READY, STOPPING, notify

if TYPE_CHECKING:
    from parlour.http.certificates import ServedCertificate


class Server(uvicorn.Server):
    """Tells the service manager when it answers and when it begins to stop.

    At SIGHUP it reads its certificate again, if it has one.
    """

    def __init__(self, config: uvicorn.Config, certificate: "ServedCertificate | None") -> None:
        super().__init__(config)
        self._certificate = certificate

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Only the main thread can take signals; in tests and fixtures servers run in others.
        if self._certificate is not None and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._certificate.reload)
            # It is blocked from the start of the process, so that it waits for this.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        if self.started:
            notify(READY)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        notify(STOPPING)
        super().handle_exit(sig, frame)
