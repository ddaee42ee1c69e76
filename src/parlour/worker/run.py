"""Runs the parts of the worker: the dispatcher, the channels, timers, the removal of expired rows."""

import asyncio

from parlour.api.idempotency import KEPT_MILLISECONDS, remove_old_answers
from parlour.bootstrap import Parts
from parlour.channels.receipt_store import ReceiptStore
from parlour.channels.registry import open_adapters
from parlour.channels.report_listener import ReportListener
from parlour.channels.transport import ChannelTransport
from parlour.config import Config
from parlour.resources.reports import drop_due, find_due, receipt_exists, record, record_due
from parlour.resources.timer_runner import TimerRunner
from parlour.store.retention import Expiring, Retention
from parlour.webhooks.delivery_queue import remove_settled
from parlour.webhooks.dispatcher import Dispatcher
from parlour.webhooks.sender import Sender
from parlour.webhooks.targets import CHANNEL
from parlour.webhooks.transport import Studio, WebhookTransport
from parlour.wire.field_types import DAY
from parlour.worker.adapters import adapter_context

RECEIPTS = ReceiptStore(receipt_exists, record, find_due, record_due, drop_due)


async def run(parts: Parts, stop: asyncio.Event) -> None:
    """Deliver until `stop` is set; deliveries under way are then finished, and their outcomes recorded.

    If one part fails the others are cancelled, and the error is raised: the caller starts again.
    """
    config, database = parts.config, parts.database
    adapters = open_adapters(config.channels, adapter_context(parts))
    listener = ReportListener(database, adapters.values(), RECEIPTS)
    # The operator chooses this URL, callers cannot: it may be private.
    studio = None if config.studio_url is None else Studio(config.studio_url, Sender(allow_private=True))
    webhooks = WebhookTransport(Sender(allow_private=config.allows_private_targets()), studio)
    dispatcher = Dispatcher(
        database,
        parts.vault,
        webhooks,
        {CHANNEL: ChannelTransport(database, adapters, RECEIPTS)},
        delays=config.retry_delays(),
    )
    timers, retention = TimerRunner(database, parts.url), Retention(database, expiring_tables(config))
    async with asyncio.TaskGroup() as group:
        group.create_task(dispatcher.run(stop))
        group.create_task(listener.run(stop))
        group.create_task(timers.run(stop))
        group.create_task(retention.run(stop))


def expiring_tables(config: Config) -> list[Expiring]:
    """Return the tables whose rows are removed after a time, and how each is."""
    return [
        Expiring("webhook_deliveries", config.webhook_keep_days * DAY, remove_settled),
        Expiring("idempotency_keys", KEPT_MILLISECONDS, remove_old_answers),
    ]
