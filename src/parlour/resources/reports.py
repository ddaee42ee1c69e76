"""Reports of channels on the status of a message: applied at once, or stored until they are expected."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import msgspec

from parlour.api.collection import OURS_IN_SERVICE, Call, Collection
from parlour.channels.adapter import Report
from parlour.resources.channel_metadata import METADATA, store_metadata
from parlour.resources.conversations import Conversation
from parlour.resources.events import emit
from parlour.resources.messages import Message
from parlour.resources.receipts import (
    DELIVERED,
    FAILED,
    READ,
    SENT,
    UNDELIVERED,
    Receipt,
    delivery_summary,
    fetch_receipt,
    receipts,
)
from parlour.store import Transaction
from parlour.webhooks.events import SYSTEM_SOURCE
from parlour.wire.field_options import Updatable
from parlour.wire.resource import Parameters, Resource

# The statuses that may follow each one; any other report changes nothing (contract: messages.md §4).
FOLLOWS: dict[str | None, frozenset[str]] = {
    None: frozenset({SENT, DELIVERED, READ, UNDELIVERED, FAILED}),
    SENT: frozenset({DELIVERED, READ, UNDELIVERED, FAILED}),
    DELIVERED: frozenset({READ}),
}
WITH_ERROR = frozenset({UNDELIVERED, FAILED})
STATUSES = "SELECT status FROM delivery_receipts WHERE conversation_sid = ? AND message_sid = ?"
DUE = """SELECT conversation_sid, sid FROM expected_reports WHERE due_at <= ?
ORDER BY due_at, sid LIMIT ?"""


class ScheduledReport(msgspec.Struct, frozen=True):
    """A report and when it is expected, in milliseconds since 1970."""

    due_at: int
    report: Report


class ExpectedReports(Resource, frozen=True):
    """The reports that are still expected of the receipt `sid`, as JSON; the first is due at `due_at`."""

    table: ClassVar = "expected_reports"
    key: ClassVar = ("conversation_sid", "sid")
    depth: ClassVar = 3

    sid: str
    conversation_sid: str
    due_at: int
    reports: str


decode_scheduled = msgspec.json.Decoder(list[ScheduledReport]).decode


class ReportParameters(Parameters, frozen=True):
    channel_metadata: Updatable[Annotated[tuple[str, dict[str, Any]] | None, METADATA]] = None


class ReportedReceipt(Receipt, frozen=True):
    """The parameters of a report that a gateway posts."""

    unstored: ClassVar = ReportParameters


status_callbacks = Collection(
    ReportedReceipt,
    receipts.path,
    key=receipts.key,
    parent=receipts.parent,
    prefixes=(OURS_IN_SERVICE,),
    shown_as=receipts,
)


@status_callbacks.update()
def update_receipt(tx: Transaction, call: Call) -> Receipt:
    """Apply the report that a gateway posts. A status that cannot follow the present one is ignored."""
    receipt = fetch_receipt(tx, call)
    said = call.changes
    report = Report(
        conversation_sid=receipt.conversation_sid,
        receipt_sid=receipt.sid,
        status=said.get("status"),
        error_code=said.get("error_code"),
        channel_message_sid=said.get("channel_message_sid"),
        metadata=said.get("channel_metadata"),
    )
    return apply_report(tx, receipt, report)


def receipt_exists(tx: Transaction, conversation_sid: str, sid: str) -> bool:
    return tx.find(Receipt, conversation_sid=conversation_sid, sid=sid) is not None


def record(tx: Transaction, reports: Sequence[Report], at: int) -> None:
    """Apply the reports that are due now, and store those that are expected some time after `at`.

    `at` is in milliseconds since 1970. Reports on receipts that are gone are dropped.
    """
    later: dict[tuple[str, str], list[ScheduledReport]] = {}
    # All writers lock in the same order, so that two of them never wait for each other.
    for conversation_sid in sorted({report.conversation_sid for report in reports}):
        tx.lock_conversation(conversation_sid)
    for report in reports:
        place = (report.conversation_sid, report.receipt_sid)
        receipt = tx.find(Receipt, conversation_sid=place[0], sid=place[1])
        if receipt is None:
            continue
        if report.after > 0:
            later.setdefault(place, []).append(ScheduledReport(at + round(report.after * 1_000), report))
        else:
            apply_report(tx, receipt, report)
    for (conversation_sid, sid), expected in later.items():
        store_scheduled(tx, conversation_sid, sid, expected)


def store_scheduled(tx: Transaction, conversation_sid: str, sid: str, new: list[ScheduledReport]) -> None:
    """Store reports with those that are expected already, in the order of their times."""
    known = tx.find(ExpectedReports, conversation_sid=conversation_sid, sid=sid)
    before = [] if known is None else decode_scheduled(known.reports)
    expected = sorted([*before, *new], key=lambda each: each.due_at)
    due_at, written = expected[0].due_at, msgspec.json.encode(expected).decode()
    if known is None:
        tx.insert(ExpectedReports(sid, conversation_sid, due_at, written))
    else:
        tx.update(known, due_at=due_at, reports=written)


def find_due(tx: Transaction, limit: int) -> list[tuple[str, str]]:
    """Find up to `limit` receipts of which a report was expected by now; return their keys."""
    return tx.select(DUE, tx.now, limit)


def record_due(tx: Transaction, keys: Sequence[tuple[str, str]]) -> None:
    """Apply the reports on these receipts that were expected by now."""
    for conversation_sid, sid in sorted(keys):
        tx.lock_conversation(conversation_sid)
        expected = tx.find(ExpectedReports, conversation_sid=conversation_sid, sid=sid)
        receipt = tx.find(Receipt, conversation_sid=conversation_sid, sid=sid)
        if expected is None:
            continue
        if receipt is None:
            # The conversation was deleted and is not removed yet.
            tx.delete(expected)
            continue
        rest = []
        for each in decode_scheduled(expected.reports):
            if each.due_at > tx.now:
                rest.append(each)
            else:
                receipt = apply_report(tx, receipt, each.report)
        if rest:
            written = msgspec.json.encode(rest).decode()
            tx.update(expected, due_at=rest[0].due_at, reports=written)
        else:
            tx.delete(expected)


def drop_due(tx: Transaction, key: tuple[str, str]) -> None:
    """Remove the expected reports on a receipt that cannot be stored."""
    expected = tx.find(ExpectedReports, conversation_sid=key[0], sid=key[1])
    if expected is not None:
        tx.delete(expected)


def apply_report(tx: Transaction, receipt: Receipt, report: Report) -> Receipt:
    """Apply a report and return the receipt. A new status updates the message's summary and is emitted."""
    if report.metadata is not None:
        store_metadata(tx, receipt.conversation_sid, receipt.message_sid, *report.metadata)
    status_changed = report.status in FOLLOWS.get(receipt.status, ())
    changes: dict[str, Any] = {}
    if status_changed:
        # Gateways may write "no error" as 0, as receipts do.
        error_code = (report.error_code or None) if report.status in WITH_ERROR else None
        changes = {"status": report.status, "error_code": error_code}
    if report.channel_message_sid and receipt.channel_message_sid is None:
        changes["channel_message_sid"] = report.channel_message_sid
    if not changes:
        return receipt
    taken = tx.update(receipt, **changes, date_updated=tx.now)
    if status_changed:
        update_delivery_summary(tx, taken)
    return taken


def update_delivery_summary(tx: Transaction, receipt: Receipt) -> None:
    message = tx.find(Message, conversation_sid=receipt.conversation_sid, sid=receipt.message_sid)
    conversation = tx.find(Conversation, sid=receipt.conversation_sid)
    if message is None or conversation is None:
        return
    statuses = [status for (status,) in tx.select(STATUSES, message.conversation_sid, message.sid)]
    tx.update(message, delivery=delivery_summary(statuses))
    emit(tx, SYSTEM_SOURCE, "onDeliveryUpdated", receipt, conversation)
