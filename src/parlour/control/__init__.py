"""The control API, for tests only: reset, snapshots, fixtures, clock, faults, recorded requests."""
