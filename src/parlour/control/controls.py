"""The parts of a server that the control API changes, created before the server."""

from typing import Any

from parlour.api.access_log import AsgiApp
from parlour.control.clock import ControlledClock
from parlour.control.faults import FaultInjector
from parlour.control.refusals import Refusals
from parlour.control.requests import RequestRecorder
from parlour.control.sids import SeededSids, SidState
from parlour.store.database import milliseconds_now


class Controls:
    """The clock and the source of SIDs for the database, and the wrappers around the application."""

    def __init__(self, *, keep_bodies: bool = False) -> None:
        self.clock = ControlledClock(milliseconds_now)
        self.sids = SeededSids(self.clock)
        self.faults = FaultInjector()
        self.refusals = Refusals()
        self.requests = RequestRecorder(self.clock, self.refusals, keep_bodies=keep_bodies)
        self.snapshots: dict[str, tuple[Any, SidState]] = {}

    def wrap(self, app: AsgiApp) -> AsgiApp:
        return self.requests.wrap(self.faults.wrap(app))

    def reset(self) -> None:
        """Set all to the state after the start, except for snapshots and the counts of refusals."""
        self.clock.reset()
        self.faults.clear()
        self.requests.clear()
