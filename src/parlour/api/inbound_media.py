"""Finds the conversation of an inbound message and fetches its media, before the message is created."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog
import yarl

from parlour import errors
from parlour.api.collection import Call, Locate
from parlour.api.files import Uploads
from parlour.api.uploads import (
    FIELDS,
    MAX_FILENAME_CHARACTERS,
    StoreBlocks,
    Upload,
    limited_blocks,
    make_upload,
)
from parlour.store import Database
from parlour.webhooks.encodings import decoded
from parlour.webhooks.outbound_http import open_session, reason_of
from parlour.wire.media_types import ANY_TYPE, NotAMediaType, read_media_type
from parlour.wire.urls import as_sent

FETCH_SECONDS = 60.0
MAX_CONNECTIONS = 100
# For one message. Each uses memory, as an upload does.
FETCHES_AT_ONCE = 4

log = structlog.get_logger()


class InboundMedia:
    """Fetches the media of inbound messages. No transaction is open meanwhile; they are stored as uploads."""

    def __init__(self, database: Database, uploads: Uploads, *, allow_private: bool) -> None:
        self._database, self._uploads = database, uploads
        self._allow_private = allow_private
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, locate: Locate, call: Call) -> Call:
        """Return the call within its conversation, with `media_sid` in place of `media_url`."""
        located = await self._database.read(lambda tx: locate(tx, call))
        media_sids = await self._fetch_all(located, located.changes.get("media_url") or ())
        return msgspec.structs.replace(located, changes=located.changes | {"media_sid": media_sids})

    async def _fetch_all(self, call: Call, urls: Sequence[str]) -> tuple[str, ...]:
        """Fetch up to FETCHES_AT_ONCE files at a time, and return their SIDs in the order of the URLs.

        After the first failure the others are cancelled; the purge removes what was fetched.
        """
        slots = asyncio.Semaphore(FETCHES_AT_ONCE)

        async def fetch(url: str) -> str:
            async with slots:
                return await self._fetch(call, url)

        tasks = [asyncio.create_task(fetch(url)) for url in urls]
        try:
            return tuple(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self, call: Call, url: str) -> str:
        stored = await self._uploads.take(call, partial(self._receive, call, url))
        return str(stored.sid)

    async def _receive(self, call: Call, url: str, store: StoreBlocks) -> Upload:
        if self._session is None:
            self._session = open_session(FETCH_SECONDS, MAX_CONNECTIONS, allow_private=self._allow_private)
        with refusing_failed_download(call, url):
            async with self._session.get(yarl.URL(as_sent(url), encoded=True)) as answer:
                if answer.status != HTTPStatus.OK:
                    raise not_fetched(call, url, f"its server answered {answer.status}")
                written = await store(limited_blocks(content_of(call, url, answer)))
                return make_upload(written, type_of(answer), name_of(answer), dict.fromkeys(FIELDS))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def content_of(call: Call, url: str, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    # Translated here, so that a failed download does not count as an error of our storage.
    with refusing_failed_download(call, url):
        async for piece in decoded(answer):
            yield piece


@contextlib.contextmanager
def refusing_failed_download(call: Call, url: str) -> Iterator[None]:
    """Raise 400 for every failure of the download."""
    try:
        yield
    except TimeoutError:
        raise not_fetched(call, url, f"it took more than {FETCH_SECONDS:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise not_fetched(call, url, reason_of(error)) from None


def not_fetched(call: Call, url: str, reason: str) -> errors.ApiError:
    """Log the reason, and return an error with the same text for all reasons.

    Different texts would tell the caller which hosts and ports exist. The log has the host, without the rest
    of the URL, which may contain a secret.
    """
    log.warning("media_not_fetched", account_sid=call.account_sid, host=host_of(url), reason=reason)
    return errors.INVALID_PARAMETER(name="MediaUrl", reason="could not be fetched")


def host_of(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def type_of(answer: aiohttp.ClientResponse) -> str:
    """Return the media type of the answer, or that of plain bytes if it has no valid one."""
    given = answer.headers.get("Content-Type", ANY_TYPE)
    try:
        read_media_type(given)
    except NotAMediaType:
        return ANY_TYPE
    return given


def name_of(answer: aiohttp.ClientResponse) -> str | None:
    """Return the file name in the answer, or else the last part of the URL's path."""
    given = answer.content_disposition
    name = (given and given.filename) or answer.url.name
    return "".join(each for each in name if each.isprintable())[:MAX_FILENAME_CHARACTERS] or None
