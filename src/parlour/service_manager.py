"""Tells systemd, or another manager that sets NOTIFY_SOCKET, what the server does (sd_notify(3))."""

import contextlib
import os
import socket

VARIABLE = "NOTIFY_SOCKET"
READY, STOPPING = "READY=1", "STOPPING=1"


def notify(state: str) -> None:
    """Send a state to the service manager. Does nothing without one; a manager that is gone is no error."""
    address = os.environ.get(VARIABLE)
    if not address:
        return
    # A name that begins with @ is one of Linux's abstract sockets.
    place = f"\0{address[1:]}" if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.sendto(state.encode(), place)
