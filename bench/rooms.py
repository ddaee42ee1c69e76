"""A conversation with many messages, in a database of Parlour's own making."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench.operations import FORM, Request, ask_json, requests_for
from bench.subjects import running_parlour

MESSAGES_TOGETHER = 50_000


@dataclass(frozen=True)
class Room:
    """Its messages are those with the indexes 1 to `messages`, and one before them."""

    database: Path
    service_sid: str
    conversation_sid: str
    messages: int
    first_answer_seconds: float

    @property
    def requests(self) -> dict[str, Request]:
        path = f"/v1/Services/{self.service_sid}/Conversations/{self.conversation_sid}/Messages"
        return requests_for(path, self.messages)


def make_room(folder: Path, messages: int, recipients: int = 0) -> Room:
    """Parlour makes the conversation and its first message; the others are copies of that one.

    With recipients on another channel each message has as many receipts.
    """
    folder.mkdir()
    database = folder / "parlour.db"
    with running_parlour(folder, database) as parlour:

        def create(path: str, form: str) -> str:
            return str(ask_json(parlour.url, Request("POST", path, form))["sid"])

        service_sid = create("/v1/Services", "FriendlyName=Bench")
        conversations = f"/v1/Services/{service_sid}/Conversations"
        conversation_sid = create(conversations, "FriendlyName=Bench")
        for number in range(recipients):
            address = f"MessagingBinding.Address=%2B1555010{number:04}"
            proxy = "MessagingBinding.ProxyAddress=%2B15550200000"
            create(f"{conversations}/{conversation_sid}/Participants", f"{address}&{proxy}")
        first = create(f"{conversations}/{conversation_sid}/Messages", FORM)
    fill(database, first, messages)
    return Room(database, service_sid, conversation_sid, messages, parlour.first_answer_seconds)


def fill(database: Path, first: str, messages: int) -> None:
    """Copy the message that has the SID `first`; the copies' SIDs are their indexes."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        # Nothing here has to outlive a power cut; Parlour sets its own mode when it opens the file.
        connection.execute("PRAGMA synchronous = OFF")
        for start in range(1, messages + 1, MESSAGES_TOGETHER):
            last = min(start + MESSAGES_TOGETHER - 1, messages)
            span = {"start": start, "last": last, "first": first}
            connection.execute(copying(connection, "messages", "sid", MESSAGE), span)
            connection.execute(copying(connection, "delivery_receipts", "message_sid", RECEIPT), span)
        connection.execute("UPDATE conversations SET next_message_index = ?", (messages + 1,))


# What is different in each copy. Of a receipt's SID the last digits stay, which tell the recipients apart.
MESSAGE = {"index": "n", "sid": "printf('IM%032x', n)"}
RECEIPT = {
    "message_sid": "printf('IM%032x', n)",
    "sid": "printf('DY%016x', n) || substr(delivery_receipts.sid, 19)",
}


def copying(connection: sqlite3.Connection, table: str, key: str, values: Mapping[str, str]) -> str:
    """The statement for it; the columns are asked of the database, so that none is missed."""
    columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    return f"""
        INSERT INTO {table} ({", ".join(f'"{name}"' for name in columns)})
        WITH RECURSIVE numbers (n) AS (
            SELECT :start UNION ALL SELECT n + 1 FROM numbers WHERE n < :last
        )
        SELECT {", ".join(values.get(name, f'"{name}"') for name in columns)}
        FROM numbers JOIN {table} ON {table}.{key} = :first
    """
