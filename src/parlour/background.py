"""What is carried in the background, put together: webhooks, and messages for other channels."""

import asyncio
import dataclasses
import ipaddress
from typing import Any, NamedTuple

from parlour.api.collection import OURS_IN_SERVICE
from parlour.api.idempotency import KEPT_MILLISECONDS, remove_old_answers
from parlour.api.streams import signed_link
from parlour.channels.adapter import Attachment, Outgoing, Surroundings
from parlour.channels.receipt_store import ReceiptStore
from parlour.channels.registry import open_adapters
from parlour.channels.report_listener import ReportListener
from parlour.channels.transport import ChannelTransport
from parlour.config import Config
from parlour.resources.media import media
from parlour.resources.reports import drop_due, find_due, receipt_exists, record, record_due, status_callbacks
from parlour.store import Database
from parlour.store.blobs import Blobs
from parlour.store.credentials import Vault
from parlour.store.retention import Expiring, Retention
from parlour.webhooks.delivery_queue import remove_settled
from parlour.webhooks.dispatcher import Dispatcher
from parlour.webhooks.sender import Sender
from parlour.webhooks.targets import CHANNEL
from parlour.webhooks.transport import Studio, WebhookTransport
from parlour.wire.kinds import DAY

RECEIPTS = ReceiptStore(receipt_exists, record, find_due, record_due, drop_due)
# What is not for adapters: credentials of callers, and what opens the vault.
WITHHELD = frozenset({"account_sid", "auth_token", "secret_key"})


class Parts(NamedTuple):
    """What background work stands on; the public URL is one of the settings by now."""

    config: Config
    database: Database
    vault: Vault
    blobs: Blobs


async def run(parts: Parts, stop: asyncio.Event) -> None:
    """Carry all that leaves until `stop`; what is under way then is finished and written down."""
    config, database, vault, _ = parts
    adapters = open_adapters(config.channels, surroundings(parts))
    listener = ReportListener(database, adapters.values(), RECEIPTS)
    # The operator says where flows are; callers cannot.
    studio = None if config.studio_url is None else Studio(config.studio_url, Sender(allow_private=True))
    webhooks = WebhookTransport(Sender(allow_private=allows_private(config)), studio)
    dispatcher = Dispatcher(
        database,
        vault,
        webhooks,
        {CHANNEL: ChannelTransport(database, adapters, RECEIPTS)},
        delays=config.retry_delays(),
    )
    retention = Retention(database, expiring_tables(config))
    # If one of them fails, the others are cancelled: whoever called this begins anew with all.
    async with asyncio.TaskGroup() as group:
        group.create_task(dispatcher.run(stop))
        group.create_task(listener.run(stop))
        group.create_task(retention.run(stop))


def expiring_tables(config: Config) -> list[Expiring]:
    return [
        Expiring("webhook_deliveries", config.webhook_keep_days * DAY, remove_settled),
        Expiring("idempotency_keys", KEPT_MILLISECONDS, remove_old_answers),
    ]


def ensure_channels(config: Config) -> None:
    """Raise BadChannel when a channel cannot be carried as the settings say."""

    def not_yet(*_: object) -> Any:
        raise RuntimeError("an adapter may use what it is handed only to send and to report")

    open_adapters(config.channels, Surroundings(settings_for_adapters(config), not_yet, not_yet, not_yet))
    if config.smtp_url is not None:
        from parlour.channels.smtp import read_server  # noqa: PLC0415 - of no use to most

        read_server(config.smtp_url)


def settings_for_adapters(config: Config) -> dict[str, Any]:
    settings = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    return {name: value for name, value in settings.items() if name not in WITHHELD}


def surroundings(parts: Parts) -> Surroundings:
    config, database, vault, blobs = parts
    public_url = config.public_url or ""

    def media_url(outgoing: Outgoing, attachment: Attachment) -> str:
        now = database.clock() // 1_000
        return public_url + signed_link(vault, media, outgoing.chat_service_sid, attachment.sid, now)

    async def read_media(attachment: Attachment) -> bytes:
        chunks = await blobs.read(attachment.sid, 0, attachment.size)
        return b"".join([bytes(chunk) async for chunk in chunks])

    def callback_url(outgoing: Outgoing) -> str:
        path = f"{OURS_IN_SERVICE}{status_callbacks.item_path}".format(
            ChatServiceSid=outgoing.chat_service_sid,
            ConversationSid=outgoing.conversation_sid,
            MessageSid=outgoing.message_sid,
            Sid=outgoing.sid,
        )
        return public_url + path

    return Surroundings(settings_for_adapters(config), media_url, read_media, callback_url)


def allows_private(config: Config) -> bool:
    """Whether requests on behalf of callers may go to private addresses.

    By default only on a server that nobody else reaches: it listens on loopback and has no public URL,
    which would tell of a proxy in front. `config` is as it was given, before the URL is filled in.
    """
    if config.webhook_private != "auto":
        return config.webhook_private == "allow"
    if config.public_url is not None:
        return False
    if config.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(config.host).is_loopback
    except ValueError:
        return False
