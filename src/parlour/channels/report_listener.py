"""Records what channels report after a message was sent: by an adapter's stream, or at an expected time."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial

import structlog

from parlour.channels.adapter import Adapter, Report
from parlour.channels.adapter_results import call_adapter, valid_reports
from parlour.channels.receipt_store import ReceiptKey, ReceiptStore
from parlour.errors import ApiError
from parlour.store import Database
from parlour.webhooks.dispatcher import POLL_SECONDS, WAIT_SECONDS, sleep_until

# Receipts whose expected reports one transaction records.
REPORTS_AT_ONCE = 200
RESTART_SECONDS = 5.0

log = structlog.get_logger()


class ReportListener:
    """Listens to the streams of all adapters, and polls for reports that are due."""

    def __init__(self, database: Database, adapters: Iterable[Adapter], receipts: ReceiptStore) -> None:
        self._database, self._adapters, self._receipts = database, set(adapters), receipts

    async def run(self, stop: asyncio.Event) -> None:
        """Record reports until `stop`."""
        streams = [asyncio.create_task(self._listen(adapter, stop)) for adapter in self._adapters]
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
        """Record all reports that are due, in groups."""
        find_due = self._receipts.find_due
        while not stop.is_set():
            due = await self._database.read(lambda tx: find_due(tx, REPORTS_AT_ONCE))
            if not due:
                return
            if await self._record_or_refuse(due) is not None:
                # At least one of them cannot be stored. Record each by itself, so that the others are stored.
                for key in due:
                    await self._record_or_drop(key)

    async def _record_or_drop(self, key: ReceiptKey) -> None:
        refused = await self._record_or_refuse([key])
        if refused is not None:
            log.warning("report_refused", receipt_sid=key[1], error=type(refused).__name__)
            await self._database.write(lambda tx: self._receipts.drop_due(tx, key), conversations=key[:1])

    async def _record_or_refuse(self, keys: Sequence[ReceiptKey]) -> Exception | None:
        """Record the reports that are due of these receipts.

        Returns the error if they can never be stored. Raises ApiError if the storage does not answer.
        """
        try:
            await self._database.write(
                lambda tx: self._receipts.record_due(tx, keys), conversations={key[0] for key in keys}
            )
        except ApiError:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter may report anything
            return error
        return None

    async def _listen(self, adapter: Adapter, stop: asyncio.Event) -> None:
        """Record an adapter's reports; after an error, call it anew. Ends with the adapter's stream."""
        while not stop.is_set():
            # In a task of its own: an adapter may raise anything, CancelledError for instance.
            listening = asyncio.ensure_future(call_adapter(partial(self._record_reports, adapter, stop)))
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
            await self._record_surely(valid_reports([report]), stop)

    async def _record_surely(self, reports: Sequence[Report], stop: asyncio.Event) -> None:
        """Record reports, however long the storage does not answer; drop those that it refuses."""
        while not stop.is_set():
            try:
                await self._database.write(
                    lambda tx: self._receipts.record(tx, reports, tx.now),
                    conversations={report.conversation_sid for report in reports},
                )
            except ApiError as error:
                log.warning("reports_wait", error=str(error))
                await sleep_until(stop, WAIT_SECONDS)
            except Exception as error:  # noqa: BLE001 - the next report may be one that can be stored
                log.warning("report_refused", error=type(error).__name__)
                return
            else:
                return
