"""The control API, for tests only: reset, snapshots, fixtures, clock, faults, recorded requests."""

from parlour.control.controls import Controls

__all__ = ["Controls"]
