"""Counts the requests for hosts and paths that are not served, for the summary of `parlour run`."""

from collections import Counter
from typing import Any

# Clients choose the hosts, so there may be any number of them.
MAX_NAMES = 1_000


class Refusals:
    """The hosts that the proxy has refused and the paths of the original that are not served, with counts."""

    def __init__(self) -> None:
        self._hosts: Counter[str] = Counter()
        self._paths: Counter[str] = Counter()

    def add_host(self, host: str) -> None:
        if host in self._hosts or len(self._hosts) < MAX_NAMES:
            self._hosts[host] += 1

    def add_path(self, method: str, template: str) -> None:
        self._paths[f"{method} {template}"] += 1

    def body(self) -> dict[str, Any]:
        """Return both, those that were asked for most often first."""
        return {"hosts": dict(self._hosts.most_common()), "paths": dict(self._paths.most_common())}
