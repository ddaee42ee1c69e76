"""Makes a conversation with many messages, in a database that Parlour has created."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.operations import FORM, Request, request_json, requests_for
from bench.servers import running_parlour

MESSAGES_AT_ONCE = 50_000


@dataclass(frozen=True)
class FilledConversation:
    """A conversation with the messages 0 to `messages`."""

    database: Path
    service_sid: str
    conversation_sid: str
    messages: int
    first_answer_seconds: float

    @property
    def requests(self) -> dict[str, Request]:
        path = f"/v1/Services/{self.service_sid}/Conversations/{self.conversation_sid}/Messages"
        return requests_for(path, self.messages)


def make_conversation(folder: Path, messages: int, recipients: int = 0) -> FilledConversation:
    """Create a conversation and its first message by the API, and `messages` copies of it by SQL.

    Each message has a receipt for each of the `recipients`, who are on another channel.
    """
    folder.mkdir()
    database = folder / "parlour.db"
    with running_parlour(folder, database) as parlour:

        def create(path: str, form: str) -> str:
            return str(request_json(parlour.url, Request("POST", path, form))["sid"])

        service_sid = create("/v1/Services", "FriendlyName=Bench")
        conversations = f"/v1/Services/{service_sid}/Conversations"
        conversation_sid = create(conversations, "FriendlyName=Bench")
        for number in range(recipients):
            address = f"MessagingBinding.Address=%2B1555010{number:04}"
            proxy = "MessagingBinding.ProxyAddress=%2B15550200000"
            create(f"{conversations}/{conversation_sid}/Participants", f"{address}&{proxy}")
        first = create(f"{conversations}/{conversation_sid}/Messages", FORM)
    fill(database, first, messages)
    return FilledConversation(database, service_sid, conversation_sid, messages, parlour.first_answer_seconds)


def fill(database: Path, first: str, messages: int) -> None:
    """Copy the message with the SID `first`, and its receipts. SIDs of copies are made of their indexes."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        # This file need not survive a power cut. Parlour sets its own mode when it opens it.
        connection.execute("PRAGMA synchronous = OFF")
        for start in range(1, messages + 1, MESSAGES_AT_ONCE):
            last = min(start + MESSAGES_AT_ONCE - 1, messages)
            span = {"start": start, "last": last, "first": first}
            connection.execute(copy_statement(connection, "messages", "sid", MESSAGE), span)
            connection.execute(copy_statement(connection, "delivery_receipts", "message_sid", RECEIPT), span)
        connection.execute("UPDATE conversations SET next_message_index = ?", (messages + 1,))


# The columns that differ in each copy. The last digits of a receipt's SID stay: they differ by recipient.
MESSAGE = {"index": "n", "sid": "printf('IM%032x', n)"}
RECEIPT = {
    "message_sid": "printf('IM%032x', n)",
    "sid": "printf('DY%016x', n) || substr(delivery_receipts.sid, 19)",
}


def copy_statement(connection: sqlite3.Connection, table: str, key: str, values: Mapping[str, str]) -> str:
    """Return the INSERT. The columns are read from the database, so that none is missing."""
    columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    return f"""
        INSERT INTO {table} ({", ".join(f'"{name}"' for name in columns)})
        WITH RECURSIVE numbers (n) AS (
            SELECT :start UNION ALL SELECT n + 1 FROM numbers WHERE n < :last
        )
        SELECT {", ".join(values.get(name, f'"{name}"') for name in columns)}
        FROM numbers JOIN {table} ON {table}.{key} = :first
    """
