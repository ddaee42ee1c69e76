"""The parts of a server that tests take hold of, put together before the server is."""

from typing import Any

from parlour.api.access_log import Asgi
from parlour.control.clock import Clock
from parlour.control.faults import Faults
from parlour.control.requests import Requests
from parlour.control.sids import Sids, State
from parlour.store.database import milliseconds_now


class Controls:
    """The clock and the SIDs that the database is handed, and what stands around the application."""

    def __init__(self, *, keep_bodies: bool = False) -> None:
        self.clock = Clock(milliseconds_now)
        self.sids = Sids(self.clock)
        self.faults = Faults()
        self.requests = Requests(self.clock, keep_bodies=keep_bodies)
        self.snapshots: dict[str, tuple[Any, State]] = {}

    def around(self, app: Asgi) -> Asgi:
        return self.requests.around(self.faults.around(app))

    def reset(self) -> None:
        """As after the start; snapshots stay."""
        self.clock.reset()
        self.faults.clear()
        self.requests.clear()
