"""The errors of the benchmark."""


class BenchError(Exception):
    """A measurement failed; the message says why."""
