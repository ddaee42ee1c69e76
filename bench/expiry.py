"""How fast messages are created while the worker removes expired deliveries, and while there are none."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bench import report
from bench.conversations import make_conversation
from bench.load import LoadGenerator, Pace
from bench.operations import ACCOUNT_SID, TARGET_CONNECTIONS
from bench.results import ExpiryResult
from bench.servers import running_parlour

MESSAGES = 1_000
# Expired deliveries for each second of load: more than the worker removes.
DELIVERIES_PER_SECOND = 50_000
CONVERSATIONS = 997
COUNT = "SELECT COUNT(*) FROM webhook_deliveries"
FILL = """INSERT INTO webhook_deliveries
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
SELECT printf('CH%032d', n % ?), printf('WD%032d', n), ?, 'WH', n, 'onMessageAdded', 'http://127.0.0.1/',
'POST', '{"Body":"' || printf('%300d', n) || '"}', 'delivered', '[]', n, n FROM numbers"""


def measure_expiry(folder: Path, generator: LoadGenerator, pace: Pace) -> ExpiryResult:
    conversation = make_conversation(folder / "expiry", MESSAGES)
    load = (conversation.requests["create"], TARGET_CONNECTIONS, pace.seconds)
    with running_parlour(folder, conversation.database) as parlour:
        before = [generator.load(parlour.url, *load) for _ in range(pace.rounds)]
    fill(conversation.database, DELIVERIES_PER_SECOND * pace.rounds * pace.seconds)
    removed = []
    with running_parlour(folder, conversation.database) as parlour:
        wait_for_removal(conversation.database)
        during = []
        for _ in range(pace.rounds):
            remaining = count(conversation.database)
            during.append(generator.load(parlour.url, *load))
            removed.append((remaining - count(conversation.database)) / pace.seconds)
    found = ExpiryResult("create", before, during, removed)
    report.echo_contrast(found, "nothing expires", "deliveries expire")
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
    """Wait until the worker, which starts with the server, has begun to remove deliveries."""
    first = count(database)
    while count(database) == first:
        pass
