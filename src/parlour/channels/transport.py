"""The transport of messages to other channels: hands each to its channel's adapter, and checks the result."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
import structlog

from parlour.channels.adapter import UNKNOWN_ERROR, Adapter, NotSent, Outgoing, Report, Sent
from parlour.channels.adapter_results import call_adapter, statuses_only, valid_reports
from parlour.channels.outgoing_parameters import OutgoingParameters
from parlour.channels.receipt_store import ReceiptStore
from parlour.store import Database
from parlour.webhooks.delivery_queue import Outcome, PendingDelivery, Write
from parlour.webhooks.outbox import DELIVERED, FAILED, PENDING, Attempt

# Less than a lane's lease: a worker may settle an outcome only while it holds the lane.
SEND_SECONDS = 10.0
# Of one message, from one `send`.
MAX_REPORTS = 100

ADAPTER_FAILED = "the adapter failed"
NOT_UNDERSTOOD = "the message was taken, but what the adapter said of it was not understood"

log = structlog.get_logger()


class ChannelTransport:
    """A transport of the dispatcher's; `adapters` by the channel that each serves."""

    def __init__(self, database: Database, adapters: Mapping[str, Adapter], receipts: ReceiptStore) -> None:
        self._database, self._adapters, self._receipts = database, adapters, receipts

    async def attempt(self, delivery: PendingDelivery, auth_token: str, at: int) -> Outcome:
        """Send a message and return the outcome, whose writes record the adapter's reports.

        `at` is now, in milliseconds since 1970. Raises ApiError, before anything is sent, if the storage does
        not answer.
        """
        outgoing = outgoing_of(delivery, auth_token, at)
        exists = self._receipts.exists
        if not await self._database.read(lambda tx: exists(tx, outgoing.conversation_sid, outgoing.sid)):
            return Outcome(delivery, Attempt(at, 0, error="its message was deleted"), FAILED)
        loop = asyncio.get_running_loop()
        started = loop.time()
        result = await self._send(outgoing)
        milliseconds = round((loop.time() - started) * 1_000)
        if isinstance(result, NotSent):
            attempt = Attempt(at, milliseconds, result.status_code, str(result))
            failure = valid_reports([outgoing.report("failed", error_code=result.error_code)])
            reports: Sequence[Report] = failure or [outgoing.report("failed", error_code=UNKNOWN_ERROR)]
            status = PENDING if result.again else FAILED
        else:
            attempt = Attempt(at, milliseconds, result.status_code, result.remark)
            reports, status = result.reports, DELIVERED
        # If the storage refuses the reports, at least the receipt's status is recorded.
        writes = (self._record(reports, at), self._record(statuses_only(reports), at))
        return Outcome(delivery, attempt, status, writes)

    def _record(self, reports: Sequence[Report], at: int) -> Write:
        return lambda tx: self._receipts.record(tx, reports, at)

    async def _send(self, outgoing: Outgoing) -> Sent | NotSent:
        """Call the adapter, and return its result with valid reports only.

        A message that the adapter has sent is not sent again, whatever else is wrong with the result.
        """
        adapter = self._adapters[outgoing.channel]
        sending = asyncio.ensure_future(call_adapter(lambda: adapter.send(outgoing)))
        # Not `wait_for`: an adapter may ignore that it is cancelled.
        done, _ = await asyncio.wait([sending], timeout=SEND_SECONDS)
        if not done:
            sending.cancel()
            return NotSent(f"not sent within {SEND_SECONDS:g} s", again=True)
        result = sending.result()
        if isinstance(result, NotSent):
            return result
        if isinstance(result, BaseException):
            # Callers see the attempt; the name of the class is for the operator, in the log.
            names = {"adapter": type(adapter).__name__, "error": type(result).__name__}
            log.warning("adapter_failed", channel=outgoing.channel, **names)
            return NotSent(ADAPTER_FAILED, again=True)
        if not isinstance(result, Sent):
            return Sent([], remark=NOT_UNDERSTOOD)
        try:
            given: list[Any] = list(islice(result.reports, MAX_REPORTS))
        except BaseException:  # noqa: BLE001 - as in `call_adapter`
            given = [result.reports]
        reports = valid_reports(given)
        remark = result.remark if len(reports) == len(given) else NOT_UNDERSTOOD
        return Sent(reports, result.status_code, remark)

    async def close(self) -> None:
        for adapter in set(self._adapters.values()):
            error = await call_adapter(adapter.close)
            if error is not None:
                log.warning("adapter_not_closed", error=type(error).__name__)


def outgoing_of(delivery: PendingDelivery, auth_token: str, at: int) -> Outgoing:
    row, parameters = delivery.row, msgspec.convert(delivery.parameters, OutgoingParameters)
    return Outgoing(
        sid=parameters.delivery_receipt_sid,
        account_sid=row.account_sid,
        chat_service_sid=parameters.chat_service_sid,
        conversation_sid=row.conversation_sid,
        message_sid=parameters.message_sid,
        participant_sid=parameters.participant_sid,
        channel=parameters.channel,
        tries=delivery.attempts,
        waited=(at - row.date_created) / 1_000,
        to=parameters.to,
        sender=parameters.sender,
        sender_name=parameters.from_name,
        subject=parameters.subject,
        body=parameters.body or "",
        media=parameters.attachments(),
        auth_token=auth_token,
        parameters=delivery.parameters,
    )
