"""Inbound messages: their conversation is found, and their media are fetched, before they are taken."""

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
    Store,
    Upload,
    describe,
    no_larger_than_allowed,
)
from parlour.store import Database
from parlour.webhooks.encodings import decoded
from parlour.webhooks.outbound_http import open_session, reason_of
from parlour.wire.media_types import ANY_TYPE, NotAMediaType, read_media_type
from parlour.wire.urls import as_sent

FETCH_SECONDS = 60.0
MAX_CONNECTIONS = 100
# Of one message; each holds memory, as an upload does.
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
        taken = await self._fetch_all(located, located.changes.get("media_url") or ())
        return msgspec.structs.replace(located, changes=located.changes | {"media_sid": taken})

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

    async def _receive(self, call: Call, url: str, store: Store) -> Upload:
        if self._session is None:
            self._session = open_session(FETCH_SECONDS, MAX_CONNECTIONS, allow_private=self._allow_private)
        with said_plainly(call, url):
            async with self._session.get(yarl.URL(as_sent(url), encoded=True)) as answer:
                if answer.status != HTTPStatus.OK:
                    raise not_fetched(call, url, f"its server answered {answer.status}")
                written = await store(no_larger_than_allowed(content_of(call, url, answer)))
                return describe(written, type_of(answer), name_of(answer), dict.fromkeys(FIELDS))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def content_of(call: Call, url: str, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    # What breaks off the download must not pass for a fault of our own storage.
    with said_plainly(call, url):
        async for piece in decoded(answer):
            yield piece


@contextlib.contextmanager
def said_plainly(call: Call, url: str) -> Iterator[None]:
    """400/20001 for whatever is wrong with the other side."""
    try:
        yield
    except TimeoutError:
        raise not_fetched(call, url, f"it took more than {FETCH_SECONDS:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise not_fetched(call, url, reason_of(error)) from None


def not_fetched(call: Call, url: str, reason: str) -> errors.ApiError:
    """One text whatever the reason: different ones would tell the caller which hosts and ports there are.

    The log has the reason, and the host without the rest of the URL, which may hold a secret.
    """
    log.warning("media_not_fetched", account_sid=call.account_sid, host=host_of(url), reason=reason)
    return errors.INVALID_PARAMETER(name="MediaUrl", reason="could not be fetched")


def host_of(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def type_of(answer: aiohttp.ClientResponse) -> str:
    """The type that the answer gives; bytes if it gives none, or what is no media type."""
    told = answer.headers.get("Content-Type", ANY_TYPE)
    try:
        read_media_type(told)
    except NotAMediaType:
        return ANY_TYPE
    return told


def name_of(answer: aiohttp.ClientResponse) -> str | None:
    """The name that the answer gives, else the last part of the URL's path."""
    told = answer.content_disposition
    name = (told and told.filename) or answer.url.name
    return "".join(each for each in name if each.isprintable())[:MAX_FILENAME_CHARACTERS] or None
