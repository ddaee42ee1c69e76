"""The courier: hands what leaves for other channels to their adapters, and their reports to the storage."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import msgspec
import structlog

from parlour.channels.adapter import (
    MAX_AFTER_SECONDS,
    MAX_CHANNEL_MESSAGE_SID_CHARACTERS,
    MAX_ERROR_CODE,
    MAX_METADATA_BYTES,
    UNKNOWN_ERROR,
    Adapter,
    Attachment,
    NotSent,
    Outgoing,
    Report,
    Sent,
)
from parlour.errors import ApiError
from parlour.store import Database, Transaction
from parlour.webhooks.carriage import Outcome, Record
from parlour.webhooks.dispatcher import POLL_SECONDS, WAIT_SECONDS, sleep_until
from parlour.webhooks.outbox import DELIVERED, FAILED, PENDING, Attempt, WebhookDelivery, parameters_in
from parlour.wire.texts import ensure_texts

# Less than a lane's lease: who still holds it may write down what came of the message.
SEND_SECONDS = 10.0
REPORTS_AT_ONCE = 200
# Of one message by one `send`.
MAX_REPORTS = 100
RESTART_SECONDS = 5.0

NOT_UNDERSTOOD = "the message was taken, but what the adapter said of it was not understood"

T = TypeVar("T")
# Of a receipt: the conversation's SID and its own.
ReceiptKey = tuple[str, str]

log = structlog.get_logger()

attachments_in = msgspec.json.Decoder(tuple[Attachment, ...]).decode


class Ledger(NamedTuple):
    """The transactions that a courier needs, on receipts, which it does not know.

    `is_wanted` tells whether there still is a receipt; `record` writes down reports, and those that are
    expected some time after a moment (milliseconds since 1970). `find_due` finds up to so many receipts
    of which a report was expected by now; `record_due` writes these reports down, and `drop_due` removes
    them, where they cannot be.
    """

    is_wanted: Callable[[Transaction, str, str], bool]
    record: Callable[[Transaction, Sequence[Report], int], None]
    find_due: Callable[[Transaction, int], Sequence[ReceiptKey]]
    record_due: Callable[[Transaction, Sequence[ReceiptKey]], None]
    drop_due: Callable[[Transaction, ReceiptKey], None]


class Courier:
    """A carrier of the dispatcher's; `run` beside it listens for reports."""

    def __init__(self, database: Database, adapters: Mapping[str, Adapter], ledger: Ledger) -> None:
        self._database, self._adapters, self._ledger = database, adapters, ledger

    async def carry(self, delivery: WebhookDelivery, auth_token: str, at: int, tries: int) -> Outcome:
        outgoing = outgoing_of(delivery, auth_token, at, tries)
        wanted = self._ledger.is_wanted
        if not await self._database.read(lambda tx: wanted(tx, outgoing.conversation_sid, outgoing.sid)):
            return Outcome(delivery, Attempt(at, 0, error="its message was deleted"), FAILED)
        loop = asyncio.get_running_loop()
        started = loop.time()
        result = await self._send(outgoing)
        milliseconds = round((loop.time() - started) * 1_000)
        if isinstance(result, NotSent):
            attempt = Attempt(at, milliseconds, result.status_code, str(result))
            said = understood([outgoing.report("failed", error_code=result.error_code)])
            reports: Sequence[Report] = said or [outgoing.report("failed", error_code=UNKNOWN_ERROR)]
            status = PENDING if result.again else FAILED
        else:
            attempt = Attempt(at, milliseconds, result.status_code, result.remark)
            reports, status = result.reports, DELIVERED
        # Where nothing else can be stored, the receipt has at least its status.
        records = (self._recording(reports, at), self._recording(bare(reports), at))
        return Outcome(delivery, attempt, status, records)

    def _recording(self, reports: Sequence[Report], at: int) -> Record:
        return lambda tx: self._ledger.record(tx, reports, at)

    async def _send(self, outgoing: Outgoing) -> Sent | NotSent:
        """What an adapter made of a message. What it has sent is not sent again, whatever it says of it."""
        sending = asyncio.ensure_future(sheltered(lambda: self._adapters[outgoing.channel].send(outgoing)))
        # It is not waited for any longer, even if it does not heed that it is cancelled.
        done, _ = await asyncio.wait([sending], timeout=SEND_SECONDS)
        if not done:
            sending.cancel()
            return NotSent(f"not sent within {SEND_SECONDS:g} s", again=True)
        result = sending.result()
        if isinstance(result, NotSent):
            return result
        if isinstance(result, BaseException):
            return NotSent(type(result).__name__, again=True)
        if not isinstance(result, Sent):
            return Sent([], remark=NOT_UNDERSTOOD)
        try:
            given: list[Any] = list(islice(result.reports, MAX_REPORTS))
        except BaseException:  # noqa: BLE001 - as in `sheltered`
            given = [result.reports]
        reports = understood(given)
        remark = result.remark if len(reports) == len(given) else NOT_UNDERSTOOD
        return Sent(reports, result.status_code, remark)

    async def run(self, stop: asyncio.Event) -> None:
        """Write down what was expected, when it is due, and what adapters report, until `stop`."""
        streams = [
            asyncio.create_task(self._listen(adapter, stop)) for adapter in set(self._adapters.values())
        ]
        while not stop.is_set():
            try:
                await self._record_due(stop)
            except ApiError as error:
                log.warning("reports_wait", error=str(error))
                await sleep_until(stop, WAIT_SECONDS)
            except Exception:
                log.exception("reports_failed")
                await sleep_until(stop, WAIT_SECONDS)
            await sleep_until(stop, POLL_SECONDS)
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)

    async def _record_due(self, stop: asyncio.Event) -> None:
        ledger = self._ledger
        while not stop.is_set():
            due = await self._database.read(lambda tx: ledger.find_due(tx, REPORTS_AT_ONCE))
            if not due:
                return
            if await self._record_or_refuse(due) is not None:
                # At least one of them cannot be stored: each by itself, so that it harms no other.
                for key in due:
                    await self._record_or_drop(key)

    async def _record_or_drop(self, key: ReceiptKey) -> None:
        refused = await self._record_or_refuse([key])
        if refused is not None:
            log.warning("report_refused", receipt_sid=key[1], error=type(refused).__name__)
            await self._database.write(lambda tx: self._ledger.drop_due(tx, key))

    async def _record_or_refuse(self, keys: Sequence[ReceiptKey]) -> Exception | None:
        """Write down what is due. Returns the error if it can never be stored; raises ApiError otherwise."""
        try:
            await self._database.write(lambda tx: self._ledger.record_due(tx, keys))
        except ApiError:
            raise
        except Exception as error:  # noqa: BLE001 - adapters say what they like
            return error
        return None

    async def _listen(self, adapter: Adapter, stop: asyncio.Event) -> None:
        while not stop.is_set():
            # In a task of its own, for an adapter may raise anything, that it was cancelled for instance.
            listening = asyncio.ensure_future(sheltered(partial(self._record_reports, adapter, stop)))
            try:
                error = await asyncio.shield(listening)
            finally:
                listening.cancel()
            if error is None:
                return
            log.warning("reports_broken", adapter=type(adapter).__name__, error=type(error).__name__)
            await sleep_until(stop, RESTART_SECONDS)

    async def _record_reports(self, adapter: Adapter, stop: asyncio.Event) -> None:
        async for report in adapter.reports():
            await self._record_surely(understood([report]), stop)

    async def _record_surely(self, reports: Sequence[Report], stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._database.write(lambda tx: self._ledger.record(tx, reports, tx.now))
            except ApiError as error:
                log.warning("reports_wait", error=str(error))
                await sleep_until(stop, WAIT_SECONDS)
            except Exception as error:  # noqa: BLE001 - the next report may be one that can be stored
                log.warning("report_refused", error=type(error).__name__)
                return
            else:
                return

    async def close(self) -> None:
        for adapter in set(self._adapters.values()):
            error = await sheltered(adapter.close)
            if error is not None:
                log.warning("adapter_not_closed", error=type(error).__name__)


async def sheltered(work: Callable[[], Awaitable[T]]) -> T | BaseException:
    """The result of an adapter's work, or what it raised: nothing that it raises reaches the event loop."""
    try:
        return await work()
    except BaseException as error:  # noqa: BLE001 - an adapter may be anybody's, and end itself or us
        return error


def understood(reports: Iterable[Any]) -> list[Report]:
    """Those that are what their type says, and can be stored: adapters may be anybody's."""
    good = []
    for report in reports:
        try:
            good.append(read_report(report))
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("report_not_understood", error=type(error).__name__)
    return good


def read_report(report: Any) -> Report:
    """Convert what an adapter gave into a report. Raises ValueError, or what the adapter's object raises."""
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


def bare(reports: Sequence[Report]) -> list[Report]:
    """The same reports with nothing but the statuses."""
    return [
        Report(each.conversation_sid, each.receipt_sid, each.status, after=each.after) for each in reports
    ]


def outgoing_of(delivery: WebhookDelivery, auth_token: str, at: int, tries: int) -> Outgoing:
    said = parameters_in(delivery.parameters)
    return Outgoing(
        sid=said["DeliveryReceiptSid"],
        account_sid=delivery.account_sid,
        chat_service_sid=said["ChatServiceSid"],
        conversation_sid=delivery.conversation_sid,
        message_sid=said["MessageSid"],
        participant_sid=said["ParticipantSid"],
        channel=said["Channel"],
        tries=tries,
        waited=(at - delivery.date_created) / 1_000,
        to=said["To"],
        sender=said.get("From"),
        sender_name=said.get("FromName"),
        subject=said.get("Subject"),
        body=said.get("Body", ""),
        media=attachments_in(said.get("Media", "[]")),
        auth_token=auth_token,
        parameters=said,
    )
