"""How long creating messages takes while another conversation, with many messages, is deleted."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg

from bench import report
from bench.cluster import running_cluster
from bench.conversations import make_conversation
from bench.errors import BenchError
from bench.load import LoadGenerator, Pace
from bench.operations import FORM, TARGET_CONNECTIONS, Request, request_json, send_request
from bench.results import DeletionResult, Rounds
from bench.servers import Server, running_parlour

MESSAGES = 1_000_000
EXISTS = "SELECT 1 FROM messages WHERE conversation_sid = '{}' LIMIT 1"

# The columns of a copy that differ from those of the first message, as expressions of PostgreSQL.
COPIED = {"index": "n", "sid": "'IM' || lpad(to_hex(n), 32, '0')"}

# Whether a conversation, given by its SID, still has messages.
Exists = Callable[[str], bool]


def measure_deletions(
    folder: Path, generator: LoadGenerator, pace: Pace, *, postgresql: bool
) -> list[DeletionResult]:
    """Measure on SQLite and, with `postgresql`, on PostgreSQL."""
    report.echo_deletion_heading(MESSAGES)
    found = [measure_on_sqlite(folder / "deletion", generator, pace)]
    if postgresql:
        deletion_folder = folder / "deletion-cluster"
        deletion_folder.mkdir()
        found.append(measure_on_postgresql(deletion_folder, generator, pace))
    return found


def measure_on_sqlite(folder: Path, generator: LoadGenerator, pace: Pace) -> DeletionResult:
    conversation = make_conversation(folder, MESSAGES)

    def exists(sid: str) -> bool:
        with closing(sqlite3.connect(conversation.database)) as connection:
            return connection.execute(EXISTS.format(sid)).fetchone() is not None

    path = f"/v1/Services/{conversation.service_sid}/Conversations"
    with running_parlour(folder, conversation.database) as parlour:
        return measure("SQLite", parlour, generator, pace, f"{path}/{conversation.conversation_sid}", exists)


def measure_on_postgresql(folder: Path, generator: LoadGenerator, pace: Pace) -> DeletionResult:
    with running_cluster(folder) as cluster:
        url = cluster.create_database("deletion")

        def exists(sid: str) -> bool:
            with psycopg.connect(url) as connection:
                return connection.execute(EXISTS.format(sid).encode()).fetchone() is not None

        with running_parlour(folder, url) as parlour:
            conversation = request_json(
                parlour.url, Request("POST", "/v1/Conversations", "FriendlyName=Bench")
            )["sid"]
            first = request_json(
                parlour.url, Request("POST", f"/v1/Conversations/{conversation}/Messages", FORM)
            )["sid"]
            fill(url, first)
            return measure(
                "PostgreSQL", parlour, generator, pace, f"/v1/Conversations/{conversation}", exists
            )


def fill(url: str, first: str) -> None:
    """Insert MESSAGES copies of the message with the SID `first`."""
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'messages'"
    with psycopg.connect(url, autocommit=True) as connection:
        names = [name for (name,) in connection.execute(columns.encode())]
        into = ", ".join(f'"{name}"' for name in names)
        values = ", ".join(COPIED.get(name, f'"{name}"') for name in names)
        source = f"messages, generate_series(1, {MESSAGES}) n WHERE sid = '{first}'"
        # Without the foreign key checks, which would look up the conversation a million times.
        connection.execute(b"SET session_replication_role = replica")
        connection.execute(f"INSERT INTO messages ({into}) SELECT {values} FROM {source}".encode())
        connection.execute(b"ANALYZE messages")


def measure(
    engine: str, parlour: Server, generator: LoadGenerator, pace: Pace, large: str, exists: Exists
) -> DeletionResult:
    """Load another conversation before and during the deletion of the one at the path `large`."""
    path = large.rpartition("/")[0]
    other = request_json(parlour.url, Request("POST", path, "FriendlyName=Bench"))["sid"]
    create = Request("POST", f"{path}/{other}/Messages", FORM)

    def loads() -> Rounds:
        load = (parlour.url, create, TARGET_CONNECTIONS, pace.seconds)
        return [generator.load(*load) for _ in range(pace.rounds)]

    before = loads()
    # In a thread, so that the load also covers the time until the DELETE is answered.
    with ThreadPoolExecutor() as threads:
        deleted = threads.submit(send_request, parlour.url, Request("DELETE", large))
        during = loads()
    deleted.result()
    if not exists(large.rpartition("/")[2]):
        raise BenchError(f"{engine}: {MESSAGES:,} messages were deleted before the load was over")
    found = DeletionResult(engine, before, during)
    report.echo_deletion(found)
    return found
