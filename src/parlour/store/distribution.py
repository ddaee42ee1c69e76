"""The distribution of tables over PostgreSQL servers by Citus: by which column, and with which table."""

import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator

from parlour.store.session import Session

DONE = "SELECT logicalrelid::text FROM pg_dist_partition"
CLUSTERED = "SELECT 1 FROM pg_extension WHERE extname = 'citus'"

# Rows that belong to a conversation are on the conversation's server.
CONVERSATIONS = "conversations"
BESIDE_CONVERSATIONS = {
    "participants": "conversation_sid",
    "messages": "conversation_sid",
    "delivery_receipts": "conversation_sid",
    "channel_metadata": "conversation_sid",
    "expected_reports": "conversation_sid",
    "conversation_webhooks": "conversation_sid",
    "webhook_lanes": "conversation_sid",
    "webhook_deliveries": "conversation_sid",
}
# Tables that are searched without a conversation.
APART = {
    "conversation_names": "chat_service_sid",
    "address_holders": "account_sid",
    "idempotency_keys": "account_sid",
    "media": "sid",
}
DISTRIBUTED = {CONVERSATIONS: "sid", **BESIDE_CONVERSATIONS, **APART}
# Small tables that are read often: a complete copy on every server.
REFERENCE = (
    "accounts",
    "api_keys",
    "services",
    "roles",
    "service_configurations",
    "notifications",
    "account_webhooks",
    "service_webhooks",
    "contents",
    "content_approvals",
    "duties",
    "identity",
)
# Tables without foreign keys, which would refer to rows on other servers.
FREED = ("address_holders",)

# A table can be distributed only while no foreign key joins it to a table that is not distributed yet.
JOINTS = """CREATE TEMPORARY TABLE joints ON COMMIT DROP AS
SELECT conrelid::regclass AS joined, quote_ident(conname) AS key, pg_get_constraintdef(oid) AS definition
FROM pg_constraint WHERE contype = 'f'
AND (conrelid::regclass::text IN ({tables}) OR confrelid::regclass::text IN ({tables}))"""
PART = """DO $$ DECLARE joint RECORD; BEGIN FOR joint IN SELECT * FROM joints LOOP
EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %s', joint.joined, joint.key); END LOOP; END $$"""
JOIN = """DO $$ DECLARE joint RECORD; BEGIN
FOR joint IN SELECT * FROM joints WHERE joined::text NOT IN ({freed}) LOOP
EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %s %s', joint.joined, joint.key, joint.definition);
END LOOP; END $$"""

# The beginnings of statements that query all servers on purpose, each with the reason. None is needed to send
# a message.
ACROSS = {
    "SELECT carrier, conversation_sid, sid FROM webhook_lanes": "the worker asks what is due anywhere",
    "SELECT conversation_sid, sid FROM expected_reports WHERE due_at": "the worker asks what is due anywhere",
    "SELECT date_inactive, sid FROM conversations WHERE date_inactive": "timers run wherever they are due",
    "SELECT date_closed, sid FROM conversations WHERE date_closed": "timers run wherever they are due",
    "SELECT conversation_sid FROM webhook_deliveries WHERE account_sid": "a delivery is named by its SID",
    "DELETE FROM webhook_deliveries WHERE (conversation_sid, sid) IN": "deliveries are purged by their age",
    "SELECT date_updated, sid, event_type": "parlour webhooks tail shows all there is",
    "UPDATE media SET date_deleted": "uploads go by their age, or with what holds them",
    'SELECT "message_sid" FROM media WHERE "channel_sid"': "media go with the conversation that holds them",
    'SELECT "sid" FROM media WHERE "service_sid"': "and with the service",
    "SELECT sid FROM conversations WHERE date_deleted": "deletions go on, wherever the conversation is",
    "SELECT sid, date_deleted FROM conversations WHERE": "an export leaves out what was deleted",
    'SELECT "date_created", "sid" FROM webhook_deliveries WHERE "account_sid"': "they go with the account",
    'DELETE FROM webhook_deliveries WHERE "account_sid"': "they go with the account",
    "SELECT sid FROM media WHERE date_deleted": "the purge takes what was deleted anywhere",
    "DELETE FROM idempotency_keys WHERE (account_sid, idempotency_key) IN": "keys go by their age",
}
# Lists across conversations: of a service's conversations, of an account's deliveries.
LISTS = re.compile(
    r'^SELECT .* FROM (conversations|webhook_deliveries) WHERE "(chat_service|account)_sid" = '
)
# The control API empties, copies and restores all tables; so do export and import.
WHOLE = re.compile(r'^(SELECT \*|DELETE) FROM "\w+"( WHERE TRUE| WHERE FALSE| LIMIT 0)?$')
TABLE = re.compile(r"\b(?:FROM|UPDATE|JOIN)\s+(\w+)")


def distributing_statements(done: Collection[str] = ()) -> Iterator[str]:
    """Yield the statements of `parlour db distribute`, in order, for tables that are not distributed yet."""
    new = [table for table in (*REFERENCE, *DISTRIBUTED) if table not in done]
    if not new:
        return
    yield "SET LOCAL citus.multi_shard_modify_mode TO 'sequential'"
    yield JOINTS.format(tables=literals(new))
    yield PART
    for table in new:
        yield distributing(table)
    yield JOIN.format(freed=literals(FREED))


def distribute(session: Session, tell: Callable[[str], None] = lambda _: None) -> None:
    """Distribute the tables that are not distributed yet; `tell` is called with each statement before it."""
    done = [table for (table,) in session.execute(DONE).fetchall()]
    for statement in distributing_statements(done):
        tell(statement)
        session.execute(statement)


def is_distributed(session: Session) -> bool:
    """Whether the database is a cluster whose tables are distributed."""
    return (
        bool(session.execute(CLUSTERED).fetchall()) and (CONVERSATIONS,) in session.execute(DONE).fetchall()
    )


def distributing(table: str) -> str:
    if table in REFERENCE:
        return f"SELECT create_reference_table('{table}')"
    start = f"SELECT create_distributed_table('{table}', '{DISTRIBUTED[table]}'"
    if table == CONVERSATIONS:
        return f"{start})"
    beside = CONVERSATIONS if table in BESIDE_CONVERSATIONS else "none"
    return f"{start}, colocate_with => '{beside}')"


def literals(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


@functools.cache
def lacks_its_key(statement: str) -> bool:
    """Whether a statement would query all servers, and is none of those that do so on purpose."""
    plain = " ".join(statement.split())
    if any(plain.startswith(known) for known in ACROSS) or LISTS.match(plain) or WHOLE.match(plain):
        return False
    return any(
        not re.search(rf'"?\b{DISTRIBUTED[table]}\b"? = ', plain)
        for table in TABLE.findall(plain)
        if table in DISTRIBUTED
    )
