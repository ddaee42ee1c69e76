"""Messages that are created while large files are uploaded, beside messages that are created alone."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import report
from bench.client import load_with_python
from bench.cluster import running_cluster
from bench.load import Outcome, Pace
from bench.operations import FORM, Request, ask_json
from bench.results import Uploads
from bench.subjects import Subject, running_parlour

AT_ONCE = 20
MEGABYTES = 150
# One that waits for its answer before it asks again: its times are those of anybody beside the uploads.
BYSTANDERS = 1
# Until uploads are under way on all connections.
LEAD_SECONDS = 2


def measure_uploads(folder: Path, pace: Pace, *, postgresql: bool) -> list[Uploads]:
    place = folder / "uploads"
    place.mkdir()
    report.echo_uploads_heading(AT_ONCE, MEGABYTES)
    found = [measure_beside("SQLite", place, str(place / "parlour.db"), pace)]
    if postgresql:
        cluster_place = place / "cluster"
        cluster_place.mkdir()
        with running_cluster(cluster_place) as cluster:
            found.append(measure_beside("PostgreSQL", place, cluster.make("uploads"), pace))
    return found


def measure_beside(engine: str, folder: Path, database: str, pace: Pace) -> Uploads:
    rounds: tuple[list[Outcome], list[Outcome]] = ([], [])
    with running_parlour(folder, database, "--media", str(folder / f"{engine}.media")) as parlour:
        service = ask_json(parlour.url, Request("POST", "/v1/Services", "FriendlyName=Bench"))["sid"]
        conversations = f"/v1/Services/{service}/Conversations"
        conversation = ask_json(parlour.url, Request("POST", conversations, "FriendlyName=Bench"))["sid"]
        create = Request("POST", f"{conversations}/{conversation}/Messages", FORM)
        for _ in range(pace.rounds):
            rounds[0].append(load_with_python(parlour.url, create, BYSTANDERS, pace.seconds))
        with uploading(parlour, f"/v1/Services/{service}/Media"):
            load_with_python(parlour.url, create, BYSTANDERS, LEAD_SECONDS)
            for _ in range(pace.rounds):
                rounds[1].append(load_with_python(parlour.url, create, BYSTANDERS, pace.seconds))
            found = Uploads(engine, *rounds, parlour.memory())
    report.echo_uploads(found)
    return found


@contextlib.contextmanager
def uploading(parlour: Subject, path: str) -> Iterator[None]:
    """For the time of the block, uploads on all connections: when one ends, the next begins."""
    command = [sys.executable, "-m", "bench.uploader", parlour.url, path, str(MEGABYTES), str(AT_ONCE)]
    uploader = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        uploader.communicate()
