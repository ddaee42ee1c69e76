"""Creates while the worker removes deliveries that have expired, beside creates while there are none."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bench import report
from bench.load import Generator, Pace
from bench.operations import ACCOUNT_SID, TARGET_CONNECTIONS
from bench.results import Expiry
from bench.rooms import make_room
from bench.subjects import running_parlour

MESSAGES = 1_000
# More than the worker removes during all loads.
DELIVERIES_PER_SECOND = 50_000
CONVERSATIONS = 997
COUNT = "SELECT COUNT(*) FROM webhook_deliveries"
FILL = """INSERT INTO webhook_deliveries
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
SELECT printf('CH%032d', n % ?), printf('WD%032d', n), ?, 'WH', n, 'onMessageAdded', 'http://127.0.0.1/',
'POST', '{"Body":"' || printf('%300d', n) || '"}', 'delivered', '[]', n, n FROM numbers"""


def measure_expiry(folder: Path, generator: Generator, pace: Pace) -> Expiry:
    room = make_room(folder / "expiry", MESSAGES)
    load = (room.requests["create"], TARGET_CONNECTIONS, pace.seconds)
    with running_parlour(folder, room.database) as parlour:
        before = [generator.load(parlour.url, *load) for _ in range(pace.rounds)]
    fill(room.database, DELIVERIES_PER_SECOND * pace.rounds * pace.seconds)
    removed = []
    with running_parlour(folder, room.database) as parlour:
        wait_for_removal(room.database)
        during = []
        for _ in range(pace.rounds):
            left = count(room.database)
            during.append(generator.load(parlour.url, *load))
            removed.append((left - count(room.database)) / pace.seconds)
    found = Expiry("create", before, during, removed)
    report.echo_beside(found, "nothing expires", "deliveries expire")
    return found


def fill(database: Path, deliveries: int) -> None:
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(FILL, (deliveries, CONVERSATIONS, ACCOUNT_SID))


def count(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        found: int = connection.execute(COUNT).fetchone()[0]
    return found


def wait_for_removal(database: Path) -> None:
    """The worker starts beside the server, and looks at once for what has expired."""
    first = count(database)
    while count(database) == first:
        pass
