"""Requests about the server itself: `/healthz`, `/readyz` and `/openapi.json`."""

import functools
from collections.abc import Callable
from typing import Any

import msgspec
from falcon.asgi import Request, Response

from parlour import errors
from parlour.api.body import JSON
from parlour.store import Database, Transaction
from parlour.store.duties import leave_duty, take_duty

# A row of this name is never there for anybody to see. It needs new pages: a small one may find room in
# one that is there, on a disk that is full.
PROBE = "readiness"
PROBE_BYTES = 16_384
OK = msgspec.json.encode({"status": "ok"})


class Health:
    """The process answers."""

    async def on_get(self, _: Request, response: Response) -> None:
        response.data, response.content_type = OK, JSON


class Readiness:
    """The storage answers, takes reads and writes, and is not damaged as far as this process has seen."""

    def __init__(self, database: Database) -> None:
        self._database, self._health = database, database.engine.health

    async def on_get(self, _: Request, response: Response) -> None:
        if self._health.is_damaged:
            raise errors.SERVICE_UNAVAILABLE()
        await self._database.read(try_read)
        # Nothing is written while writes work: a probe need not cost a commit. After one that failed,
        # on a full disk for instance, only another can tell whether they work again.
        await self._database.write(write_and_remove if self._health.is_failing("writes") else try_write)
        response.data, response.content_type = OK, JSON


def try_read(tx: Transaction) -> None:
    tx.select("SELECT 1 FROM migrations")


def try_write(tx: Transaction) -> None:
    """A write that changes no row: a storage that is read-only refuses it, too."""
    leave_duty(tx, PROBE, PROBE)


def write_and_remove(tx: Transaction) -> None:
    holder = "0" * PROBE_BYTES
    take_duty(tx, PROBE, holder, 0)
    leave_duty(tx, PROBE, holder)


class Description:
    """The OpenAPI description, which is made when somebody asks for it first."""

    def __init__(self, describe: Callable[[], dict[str, Any]]) -> None:
        self._describe = describe

    @functools.cached_property
    def _body(self) -> bytes:
        return msgspec.json.encode(self._describe())

    async def on_get(self, _: Request, response: Response) -> None:
        response.data, response.content_type = self._body, JSON
