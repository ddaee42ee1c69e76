"""Requests about the server itself: its health, its description, the certificate of its authority."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from parlour import errors
from parlour.api.body import JSON
from parlour.api.exchange import ApiRequest, ApiResponse
from parlour.store import Database, Transaction
from parlour.store.duties import leave_duty, take_duty

# The row of the probe, which is deleted by the transaction that inserts it. It is large enough to need new
# pages: on a full disk, a small row might still fit into an existing page.
PROBE = "readiness"
PROBE_BYTES = 16_384
OK = ApiResponse(200, msgspec.json.encode({"status": "ok"}), JSON)


class Liveness:
    """`/healthz`: the process answers."""

    async def get(self, _: ApiRequest, __: dict[str, str]) -> ApiResponse:
        return OK


class Readiness:
    """`/readyz`: the storage can be read and written, and this process has seen no damage to it."""

    def __init__(self, database: Database) -> None:
        self._database, self._health = database, database.engine.health

    async def get(self, _: ApiRequest, __: dict[str, str]) -> ApiResponse:
        if self._health.is_damaged:
            raise errors.SERVICE_UNAVAILABLE()
        await self._database.read(try_read)
        # While writes succeed, nothing is written, so that a probe costs no commit. After a failed write,
        # on a full disk for instance, only another write can show whether they succeed again.
        await self._database.write(write_and_remove if self._health.is_failing("writes") else try_write)
        return OK


def try_read(tx: Transaction) -> None:
    tx.select("SELECT 1 FROM migrations")


def try_write(tx: Transaction) -> None:
    """Do a write that changes no row. A read-only storage refuses it too."""
    leave_duty(tx, PROBE, PROBE)


def write_and_remove(tx: Transaction) -> None:
    holder = "0" * PROBE_BYTES
    take_duty(tx, PROBE, holder, 0)
    leave_duty(tx, PROBE, holder)


class OpenApiDocument:
    """`/openapi.json`: the OpenAPI description, which is made for the first request."""

    def __init__(self, describe: Callable[[], dict[str, Any]]) -> None:
        self._describe = describe

    @functools.cached_property
    def _body(self) -> bytes:
        return msgspec.json.encode(self._describe())

    async def get(self, _: ApiRequest, __: dict[str, str]) -> ApiResponse:
        return ApiResponse(200, self._body, JSON)


AUTHORITY_PATH = "/parlour/authority.pem"


class AuthorityCertificate:
    """The certificate of the local authority, with --intercept: `parlour env` fetches it. It is no secret."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ca.pem"

    @functools.cached_property
    def _answer(self) -> ApiResponse:
        # It is the same for as long as the server runs.
        return ApiResponse(200, self._file.read_bytes(), "application/x-pem-file")

    async def get(self, _: ApiRequest, __: dict[str, str]) -> ApiResponse:
        return self._answer
