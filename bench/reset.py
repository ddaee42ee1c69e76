"""How long a reset takes, by the control API, of a server that holds a thousand messages."""

import json
import time
from pathlib import Path

from bench import report
from bench.operations import Request, ask
from bench.subjects import running_parlour

MESSAGES = 1_000
TRIES = 5
JSON = "application/json"


def measure_reset(folder: Path) -> float:
    """The best of some tries, in milliseconds: other programs share the machine's disk."""
    place = folder / "reset"
    place.mkdir()
    messages = [{"author": "alice", "body": f"message {number}"} for number in range(MESSAGES)]
    fixture = {"conversations": [{"participants": [{"identity": "alice"}], "messages": messages}]}
    with running_parlour(place, place / "parlour.db", "--control") as parlour:
        taken = min(reset_once(parlour.url, json.dumps(fixture)) for _ in range(TRIES))
    report.echo_reset(taken, MESSAGES)
    return taken


def reset_once(url: str, fixture: str) -> float:
    ask(url, Request("POST", "/parlour/v1/Fixtures", fixture, content_type=JSON))
    started = time.perf_counter()
    ask(url, Request("POST", "/parlour/v1/Reset", "{}", content_type=JSON))
    return (time.perf_counter() - started) * 1_000
