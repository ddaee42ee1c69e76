"""The control API: what `/parlour/v1` answers, with the credentials of an account of the server."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec
from falcon.asgi import Request, Response

from parlour import errors
from parlour.api.body import JSON, read_bytes
from parlour.api.collection import ALONE, IN_SERVICE, Call, Caller
from parlour.api.forms import decode_segment, last_of, parse_form
from parlour.api.pipeline import Pipeline, PipelineParts
from parlour.control.bodies import B, ClockBody, ResetBody, SnapshotBody, ensure_in_bounds, read_body
from parlour.control.controls import Controls
from parlour.control.documents import read_document
from parlour.control.faults import Fault, FaultBody
from parlour.control.fixtures import load
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
class Responder:
    """Base of all routes: authenticates the caller and reads the body of a request."""

    controls: Controls
    pipeline: Pipeline
    parts: PipelineParts

    async def admit(self, request: Request) -> Caller:
        request.scope["trace"].route = request.uri_template
        caller = await self.parts.authenticate(request.get_header("Authorization"))
        request.scope["trace"].account_sid = caller.account_sid
        return caller

    async def read(self, request: Request, kind: type[B]) -> B:
        """The body of a request whose caller was admitted; 400/20001 if it is none."""
        await self.admit(request)
        raw = await read_bytes(request.stream)
        with told_as_invalid("its body"):
            return read_body(raw, kind)

    async def replace(self, work: Callable[[Transaction], T]) -> T:
        result = await self.parts.database.write(work)
        self.pipeline.forget()
        return result


@contextlib.contextmanager
def told_as_invalid(what: str) -> Iterator[None]:
    """400/20001 for a ValueError, all of which are in our own words here."""
    try:
        yield
    except BadText as reason:
        raise errors.INVALID_REQUEST(reason=f"{what} {reason}") from None
    except ValueError as reason:
        raise errors.INVALID_REQUEST(reason=reason) from None


def answer(response: Response, status: int, body: Any = None) -> None:
    response.status = status
    if body is not None:
        response.data, response.content_type = encode(body), JSON


class Reset(Responder):
    async def on_post(self, request: Request, response: Response) -> None:
        seed = (await self.read(request, ResetBody)).seed
        self.controls.reset()

        def reset(tx: Transaction) -> None:
            dump.empty(tx)
            self.controls.sids.seed(seed)

        await self.replace(reset)
        answer(response, 204)


class Snapshots(Responder):
    async def on_get(self, request: Request, response: Response) -> None:
        await self.admit(request)
        answer(response, 200, {"snapshots": [{"name": name} for name in self.controls.snapshots]})

    async def on_post(self, request: Request, response: Response) -> None:
        name = (await self.read(request, SnapshotBody)).name
        sids = self.controls.sids
        self.controls.snapshots[name] = await self.parts.database.write(
            lambda tx: (dump.copy(tx), sids.state)
        )
        answer(response, 201, {"name": name})


class Snapshot(Responder):
    async def on_post(self, request: Request, response: Response, name: str) -> None:
        """Restore it."""
        await self.admit(request)
        copied, sids = self.controls.snapshots[self._find(request, name)]

        def restore(tx: Transaction) -> None:
            dump.put_back(tx, copied)
            self.controls.sids.restore(sids)

        await self.replace(restore)
        answer(response, 204)

    async def on_delete(self, request: Request, response: Response, name: str) -> None:
        await self.admit(request)
        del self.controls.snapshots[self._find(request, name)]
        answer(response, 204)

    def _find(self, request: Request, segment: str) -> str:
        """The name of a snapshot that there is, from a part of the path; or 404/20404."""
        name = decode_segment(segment, request.path)
        if name not in self.controls.snapshots:
            raise errors.NOT_FOUND(path=request.path)
        return name


class Fixtures(Responder):
    async def on_post(self, request: Request, response: Response) -> None:
        caller = await self.admit(request)
        raw: bytes = await request.stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise errors.REQUEST_TOO_LARGE()
        with told_as_invalid("the document"):
            # In a thread: others are served while a large document is read.
            document = await asyncio.to_thread(read_document, raw, request.content_type or JSON)
        make, reserve = (
            partial(self._call, caller, self.parts.public_url(request.get_header("Host"))),
            self.controls.sids.reserve,
        )
        made = await self.parts.database.write(lambda tx: load(tx, make, reserve, document))
        answer(response, 201, made)

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


class Clock(Responder):
    async def on_get(self, request: Request, response: Response) -> None:
        await self.admit(request)
        self._show(response)

    async def on_post(self, request: Request, response: Response) -> None:
        asked = await self.read(request, ClockBody)
        clock, now = self.controls.clock, asked.milliseconds()
        further = round(asked.advance * MILLISECONDS)
        with told_as_invalid("its body"):
            ensure_in_bounds((clock() if now is None else now) + further)
        if now is not None:
            clock.set(now)
        if asked.stopped is not None:
            clock.stop() if asked.stopped else clock.go_on()
        clock.advance(further)
        self._show(response)

    def _show(self, response: Response) -> None:
        clock = self.controls.clock
        answer(response, 200, {"now": show_millisecond(clock()), "stopped": clock.is_stopped})


class Faults(Responder):
    async def on_get(self, request: Request, response: Response) -> None:
        await self.admit(request)
        shown = [show_fault(number, fault) for number, fault in self.controls.faults.asked.items()]
        answer(response, 200, {"faults": shown})

    async def on_post(self, request: Request, response: Response) -> None:
        fault = Fault(**msgspec.structs.asdict(await self.read(request, FaultBody)))
        answer(response, 201, show_fault(self.controls.faults.add(fault), fault))

    async def on_delete(self, request: Request, response: Response) -> None:
        await self.admit(request)
        self.controls.faults.clear()
        answer(response, 204)


class OneFault(Responder):
    async def on_delete(self, request: Request, response: Response, number: int) -> None:
        await self.admit(request)
        if self.controls.faults.asked.pop(number, None) is None:
            raise errors.NOT_FOUND(path=request.path)
        answer(response, 204)


def show_fault(number: int, fault: Fault) -> dict[str, Any]:
    return {"id": number, **msgspec.structs.asdict(fault)}


class Requests(Responder):
    async def on_get(self, request: Request, response: Response) -> None:
        await self.admit(request)
        asked = parse_form(request.query_string.encode())
        number, wait = read_number(asked, "After"), read_number(asked, "Wait")
        seen = await self.controls.requests.after(int(number), min(wait, LONGEST_WAIT_SECONDS))
        answer(response, 200, {"requests": seen})

    async def on_delete(self, request: Request, response: Response) -> None:
        await self.admit(request)
        self.controls.requests.clear()
        answer(response, 204)


def read_number(query: Mapping[str, str | list[str]], name: str) -> float:
    raw = last_of(query.get(name, "0"))
    if not NUMBER.fullmatch(raw):
        raise errors.INVALID_PARAMETER(name=name, reason="must be a number, not negative")
    return float(raw)


ROUTES: dict[str, type[Responder]] = {
    "/Reset": Reset,
    "/Snapshots": Snapshots,
    "/Snapshots/{name}": Snapshot,
    "/Fixtures": Fixtures,
    "/Clock": Clock,
    "/Faults": Faults,
    "/Faults/{number:int}": OneFault,
    "/Requests": Requests,
}
