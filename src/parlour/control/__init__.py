"""What tests need of a server and no user may have: reset, snapshots, fixtures, clock, faults, requests."""

from parlour.control.controls import Controls

__all__ = ["Controls"]
