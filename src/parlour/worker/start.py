"""Starts the delivery worker as a process. It loads nothing of the worker: the server does not need it."""

from parlour.config import Config
from parlour.supervisor import SupervisedProcess

# Longer than a webhook's target may take to answer.
STOP_SECONDS = 15.0


def start_worker(config: Config) -> SupervisedProcess:
    """Start `parlour work` with the settings in effect; it is started again when it ends."""
    return SupervisedProcess("work", config, stop_seconds=STOP_SECONDS)
