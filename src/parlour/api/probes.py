"""What is asked about the server itself: is it alive, is it ready, what does it serve."""

import functools
from collections.abc import Callable
from typing import Any

import msgspec
from falcon.asgi import Request, Response

from parlour.api.body import JSON
from parlour.store import Database, Transaction

OK = msgspec.json.encode({"status": "ok"})


class Health:
    """The process answers."""

    async def on_get(self, _: Request, response: Response) -> None:
        response.data, response.content_type = OK, JSON


class Readiness:
    """The storage answers, for reads and for writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def on_get(self, _: Request, response: Response) -> None:
        await self._database.read(ask_storage)
        await self._database.write(ask_storage)
        response.data, response.content_type = OK, JSON


def ask_storage(tx: Transaction) -> None:
    tx.select("SELECT 1 FROM migrations")


class Description:
    """The OpenAPI description, which is made when somebody asks for it first."""

    def __init__(self, describe: Callable[[], dict[str, Any]]) -> None:
        self._describe = describe

    @functools.cached_property
    def _body(self) -> bytes:
        return msgspec.json.encode(self._describe())

    async def on_get(self, _: Request, response: Response) -> None:
        response.data, response.content_type = self._body, JSON
