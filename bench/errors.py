"""What can go wrong while measuring."""


class BenchError(Exception):
    """There is no result, and this is why."""
