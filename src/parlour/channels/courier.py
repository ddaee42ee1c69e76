"""The courier: hands what leaves for other channels to their adapters, and their reports to the storage."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
import structlog

from parlour.channels.adapter import Adapter, Attachment, NotSent, Outgoing, Report, Sent
from parlour.errors import ApiError
from parlour.store import Database, Transaction
from parlour.webhooks.carriage import Outcome
from parlour.webhooks.dispatcher import POLL_SECONDS, WAIT_SECONDS, sleep_until
from parlour.webhooks.outbox import DELIVERED, FAILED, PENDING, Attempt, WebhookDelivery, parameters_in

# Less than a lane's lease: who still holds it may write down what came of the message.
SEND_SECONDS = 10.0
REPORTS_AT_ONCE = 200
RESTART_SECONDS = 5.0

log = structlog.get_logger()

attachments_in = msgspec.json.Decoder(tuple[Attachment, ...]).decode


class Ledger(NamedTuple):
    """The transactions that a courier needs, on receipts, which it does not know.

    `is_wanted` tells whether there still is a receipt; `record` writes down reports, and those that are
    expected some time after a moment (milliseconds since 1970); `record_due` writes down so many that
    were expected by now, and gives their number.
    """

    is_wanted: Callable[[Transaction, str, str], bool]
    record: Callable[[Transaction, Sequence[Report], int], None]
    record_due: Callable[[Transaction, int], int]
    has_due: Callable[[Transaction], bool]


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
            failed = [outgoing.report("failed", error_code=result.error_code)]
            record = partial(self._record, failed, at, FAILED)
            return Outcome(delivery, attempt, PENDING if result.again else FAILED, record)
        attempt = Attempt(at, milliseconds, result.status_code)
        record = partial(self._record, result.reports, at, DELIVERED)
        return Outcome(delivery, attempt, DELIVERED, record)

    async def _send(self, outgoing: Outgoing) -> Sent | NotSent:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                sent = await self._adapters[outgoing.channel].send(outgoing)
        except NotSent as refusal:
            return refusal
        except TimeoutError:
            return NotSent(f"not sent within {SEND_SECONDS:g} s", again=True)
        except Exception as error:  # noqa: BLE001 - an adapter may be anybody's, and its error hold anything
            return NotSent(type(error).__name__, again=True)
        # What was sent is not sent again, whatever the adapter says of it.
        return Sent(understood(sent.reports), sent.status_code) if isinstance(sent, Sent) else Sent([])

    def _record(self, reports: Sequence[Report], at: int, when: str, tx: Transaction, status: str) -> None:
        if status == when:
            self._ledger.record(tx, reports, at)

    async def run(self, stop: asyncio.Event) -> None:
        """Write down what was expected, when it is due, and what adapters report, until `stop`."""
        streams = [
            asyncio.create_task(self._listen(adapter, stop)) for adapter in set(self._adapters.values())
        ]
        while not stop.is_set():
            try:
                await self._record_due()
            except ApiError as error:
                log.warning("reports_wait", error=str(error))
                await sleep_until(stop, WAIT_SECONDS)
            await sleep_until(stop, POLL_SECONDS)
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)

    async def _record_due(self) -> None:
        if not await self._database.read(self._ledger.has_due):
            return
        taken = REPORTS_AT_ONCE
        while taken == REPORTS_AT_ONCE:
            taken = await self._database.write(lambda tx: self._ledger.record_due(tx, REPORTS_AT_ONCE))

    async def _listen(self, adapter: Adapter, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                async for report in adapter.reports():
                    await self._record_surely(understood([report]), stop)
            except Exception as error:  # noqa: BLE001 - an adapter may raise anything; its stream is opened anew
                log.warning("reports_broken", adapter=type(adapter).__name__, error=type(error).__name__)
            else:
                return
            await sleep_until(stop, RESTART_SECONDS)

    async def _record_surely(self, reports: Sequence[Report], stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._database.write(lambda tx: self._ledger.record(tx, reports, tx.now))
            except ApiError as error:
                log.warning("reports_wait", error=str(error))
                await sleep_until(stop, WAIT_SECONDS)
            else:
                return

    async def close(self) -> None:
        for adapter in set(self._adapters.values()):
            await adapter.close()


def understood(reports: Iterable[Report]) -> list[Report]:
    """Those that are what their type says: adapters may be anybody's."""
    good = []
    for report in reports if isinstance(reports, Iterable) else ():
        try:
            good.append(msgspec.convert(msgspec.to_builtins(report), Report))
        except (msgspec.ValidationError, TypeError):
            log.warning("report_not_understood")
    return good


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
