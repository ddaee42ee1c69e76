"""Messages in one conversation while another, with many messages, is deleted: how long they take then."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg

from bench import report
from bench.cluster import running_cluster
from bench.errors import BenchError
from bench.load import Generator, Pace
from bench.operations import FORM, TARGET_CONNECTIONS, Request, ask, ask_json
from bench.results import Deletion, Rounds
from bench.rooms import make_room
from bench.subjects import Subject, running_parlour

MESSAGES = 1_000_000
EXISTS = "SELECT 1 FROM messages WHERE conversation_sid = '{}' LIMIT 1"

# The columns of a copy that differ from those of the first message, as PostgreSQL works them out.
COPIED = {"index": "n", "sid": "'IM' || lpad(to_hex(n), 32, '0')"}

# Answers whether a conversation has messages still.
Exists = Callable[[str], bool]


def measure_deletions(folder: Path, generator: Generator, pace: Pace, *, postgresql: bool) -> list[Deletion]:
    """On SQLite, and on PostgreSQL where it is asked for."""
    report.echo_deletion_heading(MESSAGES)
    found = [measure_on_sqlite(folder / "deletion", generator, pace)]
    if postgresql:
        place = folder / "deletion-cluster"
        place.mkdir()
        found.append(measure_on_postgresql(place, generator, pace))
    return found


def measure_on_sqlite(folder: Path, generator: Generator, pace: Pace) -> Deletion:
    room = make_room(folder, MESSAGES)

    def exists(sid: str) -> bool:
        with closing(sqlite3.connect(room.database)) as connection:
            return connection.execute(EXISTS.format(sid)).fetchone() is not None

    path = f"/v1/Services/{room.service_sid}/Conversations"
    with running_parlour(folder, room.database) as parlour:
        return measure("SQLite", parlour, generator, pace, f"{path}/{room.conversation_sid}", exists)


def measure_on_postgresql(folder: Path, generator: Generator, pace: Pace) -> Deletion:
    with running_cluster(folder) as cluster:
        url = cluster.make("deletion")

        def exists(sid: str) -> bool:
            with psycopg.connect(url) as connection:
                return connection.execute(EXISTS.format(sid).encode()).fetchone() is not None

        with running_parlour(folder, url) as parlour:
            room = ask_json(parlour.url, Request("POST", "/v1/Conversations", "FriendlyName=Bench"))["sid"]
            first = ask_json(parlour.url, Request("POST", f"/v1/Conversations/{room}/Messages", FORM))["sid"]
            fill(url, first)
            return measure("PostgreSQL", parlour, generator, pace, f"/v1/Conversations/{room}", exists)


def fill(url: str, first: str) -> None:
    """Copy the message that has the SID `first`."""
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'messages'"
    with psycopg.connect(url, autocommit=True) as connection:
        names = [name for (name,) in connection.execute(columns.encode())]
        into = ", ".join(f'"{name}"' for name in names)
        values = ", ".join(COPIED.get(name, f'"{name}"') for name in names)
        source = f"messages, generate_series(1, {MESSAGES}) n WHERE sid = '{first}'"
        # Without looking up a million times that the conversation is there.
        connection.execute(b"SET session_replication_role = replica")
        connection.execute(f"INSERT INTO messages ({into}) SELECT {values} FROM {source}".encode())
        connection.execute(b"ANALYZE messages")


def measure(
    engine: str, parlour: Subject, generator: Generator, pace: Pace, large: str, exists: Exists
) -> Deletion:
    path = large.rpartition("/")[0]
    bystander = ask_json(parlour.url, Request("POST", path, "FriendlyName=Bystander"))["sid"]
    create = Request("POST", f"{path}/{bystander}/Messages", FORM)

    def loads() -> Rounds:
        asked = (parlour.url, create, TARGET_CONNECTIONS, pace.seconds)
        return [generator.load(*asked) for _ in range(pace.rounds)]

    before = loads()
    # Beside the load, so that a deletion which holds up others until it has answered is seen, too.
    with ThreadPoolExecutor() as beside:
        deleted = beside.submit(ask, parlour.url, Request("DELETE", large))
        during = loads()
    deleted.result()
    if not exists(large.rpartition("/")[2]):
        raise BenchError(f"{engine}: {MESSAGES:,} messages were gone before the load was over")
    found = Deletion(engine, before, during)
    report.echo_deletion(found)
    return found
