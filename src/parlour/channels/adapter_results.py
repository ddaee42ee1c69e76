"""Checks the results, errors and reports of adapters, which may come from other packages."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec
import structlog

from parlour.channels.adapter import (
    MAX_AFTER_SECONDS,
    MAX_CHANNEL_MESSAGE_SID_CHARACTERS,
    MAX_ERROR_CODE,
    MAX_METADATA_BYTES,
    Report,
)
from parlour.wire.texts import ensure_texts

T = TypeVar("T")

log = structlog.get_logger()


async def call_adapter(work: Callable[[], Awaitable[T]]) -> T | BaseException:
    """Return the result of an adapter's coroutine, or whatever it raised, SystemExit and the like too.

    So nothing that an adapter raises reaches the event loop.
    """
    try:
        return await work()
    except BaseException as error:  # noqa: BLE001 - an adapter may raise SystemExit, or cancel itself
        return error


def valid_reports(reports: Iterable[Any]) -> list[Report]:
    """Return the reports that have the right type and can be stored; log the others."""
    valid = []
    for report in reports:
        try:
            valid.append(check_report(report))
        except Exception as error:  # noqa: BLE001 - the adapter's object may raise anything
            log.warning("report_not_understood", error=type(error).__name__)
    return valid


def check_report(report: Any) -> Report:
    """Convert an adapter's object into a report. Raises ValueError, or whatever the object raises."""
    plain = msgspec.to_builtins(report)
    ensure_texts(plain)
    read = msgspec.convert(plain, Report)
    if not 0 <= read.after <= MAX_AFTER_SECONDS or abs(read.error_code or 0) > MAX_ERROR_CODE:
        raise ValueError("a number is out of range")
    if len(read.channel_message_sid or "") > MAX_CHANNEL_MESSAGE_SID_CHARACTERS:
        raise ValueError("the channel's SID is too long")
    if read.metadata is not None and len(msgspec.json.encode(read.metadata)) > MAX_METADATA_BYTES:
        raise ValueError("the metadata are too large")
    return read


def statuses_only(reports: Sequence[Report]) -> list[Report]:
    """Return the same reports without everything but their statuses and times."""
    return [
        Report(each.conversation_sid, each.receipt_sid, each.status, after=each.after) for each in reports
    ]
