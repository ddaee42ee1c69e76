"""The routes of the control API, below `/parlour/v1`. Any account of the server may use them."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec

from parlour import errors
from parlour.api.body import JSON, read_bytes
from parlour.api.collection import ALONE, IN_SERVICE, Call, Caller
from parlour.api.exchange import ApiRequest, ApiResponse
from parlour.api.forms import decode_segment, last_of, parse_form
from parlour.api.pipeline import Pipeline, PipelineParts
from parlour.control.bodies import B, ClockBody, ResetBody, SnapshotBody, ensure_in_bounds, read_body
from parlour.control.controls import Controls
from parlour.control.documents import read_document
from parlour.control.faults import Fault, FaultBody
from parlour.control.fixtures import load
from parlour.errors import ApiError
from parlour.resources.accounts import reset_accounts
from parlour.resources.default_roles import complete_services
from parlour.resources.timer_runner import run_due_timers
from parlour.store import Transaction, dump
from parlour.wire.field_types import show_millisecond
from parlour.wire.texts import BadText

MAX_BYTES = 64 * 1_048_576
LONGEST_WAIT_SECONDS = 60.0
NUMBER = re.compile(r"\d{1,15}(\.\d{1,9})?", re.ASCII)
MILLISECONDS = 1_000

T = TypeVar("T")
encode = msgspec.json.encode


@dataclass(frozen=True, eq=False)
class ControlRoute:
    """Base class of the routes: authenticates callers and reads bodies."""

    controls: Controls
    pipeline: Pipeline
    parts: PipelineParts

    async def authenticate(self, request: ApiRequest) -> Caller:
        caller = await self.parts.authenticate(request.header("Authorization"))
        request.trace.account_sid = caller.account_sid
        return caller

    async def read(self, request: ApiRequest, kind: type[B]) -> B:
        """Authenticate the caller and return the body. Raises 400/20001 if it is not valid."""
        await self.authenticate(request)
        raw = await read_bytes(request.body)
        with as_invalid_request("its body"):
            return read_body(raw, kind)

    async def replace(self, work: Callable[[Transaction], T]) -> T:
        """Do work that replaces all stored data, then drop all caches, because versions may repeat."""
        result = await self.parts.database.write(work)
        self.pipeline.forget()
        return result


@contextlib.contextmanager
def as_invalid_request(what: str) -> Iterator[None]:
    """Raise 400/20001 for a ValueError of the block. Its text is shown to the caller."""
    try:
        yield
    except BadText as reason:
        raise errors.INVALID_REQUEST(reason=f"{what} {reason}") from None
    except ValueError as reason:
        raise errors.INVALID_REQUEST(reason=reason) from None


def answer(status: int, body: Any = None) -> ApiResponse:
    return ApiResponse(status) if body is None else ApiResponse(status, encode(body), JSON)


class ResetRoute(ControlRoute):
    async def post(self, request: ApiRequest, _: dict[str, str]) -> ApiResponse:
        seed = (await self.read(request, ResetBody)).seed
        self.controls.reset()

        def reset(tx: Transaction) -> None:
            dump.empty(tx)
            reset_accounts(tx)
            complete_services(tx)
            self.controls.sids.seed(seed)

        await self.replace(reset)
        return answer(204)


class SnapshotsRoute(ControlRoute):
    async def get(self, request: ApiRequest, _: dict[str, str]) -> ApiResponse:
        await self.authenticate(request)
        return answer(200, {"snapshots": [{"name": name} for name in self.controls.snapshots]})

    async def post(self, request: ApiRequest, _: dict[str, str]) -> ApiResponse:
        name = (await self.read(request, SnapshotBody)).name
        sids = self.controls.sids
        self.controls.snapshots[name] = await self.parts.database.write(
            lambda tx: (dump.copy(tx), sids.state)
        )
        return answer(201, {"name": name})


class SnapshotRoute(ControlRoute):
    async def post(self, request: ApiRequest, path: dict[str, str]) -> ApiResponse:
        """Restore the snapshot."""
        await self.authenticate(request)
        stored, sids = self.controls.snapshots[self._find(request, path)]

        def restore(tx: Transaction) -> None:
            dump.put_back(tx, stored)
            self.controls.sids.restore(sids)

        await self.replace(restore)
        return answer(204)

    async def delete(self, request: ApiRequest, path: dict[str, str]) -> ApiResponse:
        await self.authenticate(request)
        del self.controls.snapshots[self._find(request, path)]
        return answer(204)

    def _find(self, request: ApiRequest, path: dict[str, str]) -> str:
        """Return the name of an existing snapshot, from a part of the path. Raises 404/20404."""
        name = decode_segment(path["name"], request.path)
        if name not in self.controls.snapshots:
            raise errors.NOT_FOUND(path=request.path)
        return name


class FixturesRoute(ControlRoute):
    async def post(self, request: ApiRequest, _: dict[str, str]) -> ApiResponse:
        caller = await self.authenticate(request)
        raw: bytes = await request.body.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise errors.REQUEST_TOO_LARGE()
        with as_invalid_request("the document"):
            # In a thread, so that other requests are answered while a large document is parsed.
            document = await asyncio.to_thread(read_document, raw, request.content_type or JSON)
        make, reserve = (
            partial(self._call, caller, self.parts.public_url(request)),
            self.controls.sids.reserve,
        )
        made = await self.parts.database.write(lambda tx: load(tx, make, reserve, document))
        return answer(201, made)

    def _call(
        self,
        caller: Caller,
        public_url: str,
        resource_path: str,
        service: str | None,
        path: dict[str, str],
        changes: dict[str, Any],
    ) -> Call:
        return Call(
            caller=caller,
            service_sid=service or caller.default_service_sid,
            path=path,
            resource_path=resource_path,
            prefix=ALONE if service is None else IN_SERVICE,
            profile=self.parts.profile,
            public_url=public_url,
            changes=changes,
        )


class ClockRoute(ControlRoute):
    async def get(self, request: ApiRequest, _: dict[str, str]) -> ApiResponse:
        await self.authenticate(request)
        return self._show()

    async def post(self, request: ApiRequest, _: dict[str, str]) -> ApiResponse:
        body = await self.read(request, ClockBody)
        clock, now = self.controls.clock, body.milliseconds()
        advance = round(body.advance * MILLISECONDS)
        with as_invalid_request("its body"):
            ensure_in_bounds((clock() if now is None else now) + advance)
        # First, so that a clock that is set and stopped shows what it was set to, and no millisecond more.
        if body.stopped is not None:
            clock.stop() if body.stopped else clock.resume()
        if now is not None:
            clock.set(now)
        clock.advance(advance)
        # So that a test sees them at once. If the storage does not answer, the worker runs them later.
        with contextlib.suppress(ApiError):
            await run_due_timers(self.parts.database)
        return self._show()

    def _show(self) -> ApiResponse:
        clock = self.controls.clock
        return answer(200, {"now": show_millisecond(clock()), "stopped": clock.is_stopped})


class FaultsRoute(ControlRoute):
    async def get(self, request: ApiRequest, _: dict[str, str]) -> ApiResponse:
        await self.authenticate(request)
        faults = [fault_json(number, fault) for number, fault in self.controls.faults.active.items()]
        return answer(200, {"faults": faults})

    async def post(self, request: ApiRequest, _: dict[str, str]) -> ApiResponse:
        fault = Fault(**msgspec.structs.asdict(await self.read(request, FaultBody)))
        return answer(201, fault_json(self.controls.faults.add(fault), fault))

    async def delete(self, request: ApiRequest, _: dict[str, str]) -> ApiResponse:
        await self.authenticate(request)
        self.controls.faults.clear()
        return answer(204)


class FaultRoute(ControlRoute):
    async def delete(self, request: ApiRequest, path: dict[str, str]) -> ApiResponse:
        await self.authenticate(request)
        active = self.controls.faults.active
        number = next((each for each in active if str(each) == path["number"]), None)
        if number is None:
            raise errors.NOT_FOUND(path=request.path)
        del active[number]
        return answer(204)


def fault_json(number: int, fault: Fault) -> dict[str, Any]:
    return {"id": number, **msgspec.structs.asdict(fault)}


class RequestsRoute(ControlRoute):
    async def get(self, request: ApiRequest, _: dict[str, str]) -> ApiResponse:
        await self.authenticate(request)
        query = parse_form(request.query.encode())
        number, wait = read_number(query, "After"), read_number(query, "Wait")
        recorded = await self.controls.requests.after(int(number), min(wait, LONGEST_WAIT_SECONDS))
        return answer(200, {"requests": recorded})

    async def delete(self, request: ApiRequest, _: dict[str, str]) -> ApiResponse:
        await self.authenticate(request)
        self.controls.requests.clear()
        return answer(204)


class RefusalsRoute(ControlRoute):
    async def get(self, request: ApiRequest, _: dict[str, str]) -> ApiResponse:
        await self.authenticate(request)
        return answer(200, self.controls.refusals.body())


def read_number(query: Mapping[str, str | list[str]], name: str) -> float:
    raw = last_of(query.get(name, "0"))
    if not NUMBER.fullmatch(raw):
        raise errors.INVALID_PARAMETER(name=name, reason="must be a number, not negative")
    return float(raw)


ROUTES: dict[str, type[ControlRoute]] = {
    "/Reset": ResetRoute,
    "/Snapshots": SnapshotsRoute,
    "/Snapshots/{name}": SnapshotRoute,
    "/Fixtures": FixturesRoute,
    "/Clock": ClockRoute,
    "/Faults": FaultsRoute,
    "/Faults/{number}": FaultRoute,
    "/Requests": RequestsRoute,
    "/Refusals": RefusalsRoute,
}
