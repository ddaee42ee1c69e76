"""What makes requests of its own, loaded with the first one: the HTTP client is a fifth of a start's work."""

import asyncio
import importlib
from typing import TYPE_CHECKING, Any

from parlour.api.collection import Call, Locate
from parlour.api.files import Uploads
from parlour.store import Database

if TYPE_CHECKING:
    from parlour.api.inbound_media import InboundMedia
    from parlour.webhooks.sender import Sender, TargetReply


async def load(module: str) -> Any:
    """Import a module. A thread does it, so that other requests are answered meanwhile."""
    return await asyncio.to_thread(importlib.import_module, module)


class LateSender:
    """A Sender that is made for its first request."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._sender: Sender | None = None

    async def send(self, *request: Any) -> "TargetReply":
        if self._sender is None:
            module = await load("parlour.webhooks.sender")
            self._sender = self._sender or module.Sender(allow_private=self._allow_private)
        return await self._sender.send(*request)

    async def close(self) -> None:
        if self._sender is not None:
            await self._sender.close()


class LateInboundMedia:
    """An InboundMedia that is made for the first inbound message with media."""

    def __init__(self, database: Database, uploads: Uploads, *, allow_private: bool) -> None:
        self._database, self._uploads, self._allow_private = database, uploads, allow_private
        self._media: InboundMedia | None = None

    async def fetch(self, locate: Locate, call: Call) -> Call:
        if self._media is None:
            module = await load("parlour.api.inbound_media")
            self._media = self._media or module.InboundMedia(
                self._database, self._uploads, allow_private=self._allow_private
            )
        return await self._media.fetch(locate, call)

    async def close(self) -> None:
        if self._media is not None:
            await self._media.close()
