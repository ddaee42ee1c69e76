"""How long the control API takes to reset a server with a thousand messages."""

import json
import time
from pathlib import Path

from bench import report
from bench.operations import Request, send_request
from bench.servers import running_parlour

MESSAGES = 1_000
TRIES = 5
JSON = "application/json"


def measure_reset(folder: Path) -> float:
    """Return the shortest of TRIES, in milliseconds, because other programs use the disk too."""
    reset_folder = folder / "reset"
    reset_folder.mkdir()
    messages = [{"author": "alice", "body": f"message {number}"} for number in range(MESSAGES)]
    fixture = {"conversations": [{"participants": [{"identity": "alice"}], "messages": messages}]}
    with running_parlour(reset_folder, reset_folder / "parlour.db", "--control") as parlour:
        shortest = min(reset_once(parlour.url, json.dumps(fixture)) for _ in range(TRIES))
    report.echo_reset(shortest, MESSAGES)
    return shortest


def reset_once(url: str, fixture: str) -> float:
    send_request(url, Request("POST", "/parlour/v1/Fixtures", fixture, content_type=JSON))
    started = time.perf_counter()
    send_request(url, Request("POST", "/parlour/v1/Reset", "{}", content_type=JSON))
    return (time.perf_counter() - started) * 1_000
