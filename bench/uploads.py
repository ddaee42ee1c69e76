"""How long creating a message takes while large files are uploaded, and without uploads."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import report
from bench.client import load_with_python
from bench.cluster import running_cluster
from bench.load import LoadResult, Pace
from bench.operations import FORM, Request, request_json
from bench.results import UploadResult
from bench.servers import Server, running_parlour

UPLOADS_AT_ONCE = 20
MEGABYTES = 150
# One connection, which waits for each answer: its times are those that any other client would see.
CONNECTIONS = 1
# The time until uploads are under way on all connections.
WARM_UP_SECONDS = 2


def measure_uploads(folder: Path, pace: Pace, *, postgresql: bool) -> list[UploadResult]:
    uploads_folder = folder / "uploads"
    uploads_folder.mkdir()
    report.echo_uploads_heading(UPLOADS_AT_ONCE, MEGABYTES)
    found = [measure_on("SQLite", uploads_folder, str(uploads_folder / "parlour.db"), pace)]
    if postgresql:
        cluster_folder = uploads_folder / "cluster"
        cluster_folder.mkdir()
        with running_cluster(cluster_folder) as cluster:
            found.append(measure_on("PostgreSQL", uploads_folder, cluster.create_database("uploads"), pace))
    return found


def measure_on(engine: str, folder: Path, database: str, pace: Pace) -> UploadResult:
    rounds: tuple[list[LoadResult], list[LoadResult]] = ([], [])
    with running_parlour(folder, database, "--media", str(folder / f"{engine}.media")) as parlour:
        service = request_json(parlour.url, Request("POST", "/v1/Services", "FriendlyName=Bench"))["sid"]
        conversations = f"/v1/Services/{service}/Conversations"
        conversation = request_json(parlour.url, Request("POST", conversations, "FriendlyName=Bench"))["sid"]
        create = Request("POST", f"{conversations}/{conversation}/Messages", FORM)
        for _ in range(pace.rounds):
            rounds[0].append(load_with_python(parlour.url, create, CONNECTIONS, pace.seconds))
        with uploading(parlour, f"/v1/Services/{service}/Media"):
            load_with_python(parlour.url, create, CONNECTIONS, WARM_UP_SECONDS)
            for _ in range(pace.rounds):
                rounds[1].append(load_with_python(parlour.url, create, CONNECTIONS, pace.seconds))
            found = UploadResult(engine, *rounds, parlour.memory())
    report.echo_uploads(found)
    return found


@contextlib.contextmanager
def uploading(parlour: Server, path: str) -> Iterator[None]:
    """Upload on UPLOADS_AT_ONCE connections within the block; on each, the next upload follows the last."""
    command = [
        sys.executable,
        "-m",
        "bench.uploader",
        parlour.url,
        path,
        str(MEGABYTES),
        str(UPLOADS_AT_ONCE),
    ]
    uploader = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        yield
    finally:
        uploader.communicate()
