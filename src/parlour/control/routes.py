"""The control API: what `/parlour/v1` answers, with the credentials of an account of the server."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import msgspec
from falcon.asgi import Request, Response

from parlour import errors
from parlour.api.auth import Authenticator
from parlour.api.body import JSON
from parlour.api.collection import ALONE, IN_SERVICE, OURS, Call
from parlour.api.pipeline import Pipeline
from parlour.control.controls import Controls
from parlour.control.faults import Fault
from parlour.control.fixtures import load
from parlour.control.sids import MAX_SEED
from parlour.store import Database, Transaction, contents
from parlour.store.credentials import Account
from parlour.wire.kinds import show_millisecond
from parlour.wire.profiles import Profile

MAX_BYTES = 64 * 1_048_576
LONGEST_WAIT_SECONDS = 60.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECONDS = 1_000

T = TypeVar("T")
encode = msgspec.json.encode


@dataclass(frozen=True)
class Controlled:
    """The server that is controlled."""

    database: Database
    authenticate: Authenticator
    pipeline: Pipeline
    public_url: Callable[[Request], str]
    profile: Profile


class ResetRequest(msgspec.Struct, forbid_unknown_fields=True):
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.seed is not None and not 0 <= self.seed <= MAX_SEED:
            raise ValueError("seed must be from 0 to 2**63 - 1")


class ClockRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Each is done if it is given, in this order; `advance` is in seconds."""

    now: datetime | None = None
    stopped: bool | None = None
    advance: float = 0


class SnapshotRequest(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class Responder:
    """What the routes share: who may call, and reading what was sent."""

    def __init__(self, controls: Controls, server: Controlled) -> None:
        self.controls, self.server = controls, server

    async def admit(self, request: Request) -> Account:
        request.scope["trace"].route = request.uri_template
        account = await self.server.authenticate(request.get_header("Authorization"))
        request.scope["trace"].account_sid = account.sid
        return account

    async def read(self, request: Request, kind: type[T]) -> T:
        """The caller's, as JSON; nothing at all is an empty object."""
        await self.admit(request)
        try:
            return msgspec.json.decode(await body_of(request) or b"{}", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise errors.INVALID_REQUEST(reason=error) from None

    async def replace(self, work: Callable[[Transaction], T]) -> T:
        result = await self.server.database.write(work)
        self.server.pipeline.forget()
        return result


async def body_of(request: Request) -> bytes:
    raw: bytes = await request.stream.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise errors.REQUEST_TOO_LARGE()
    return raw


def answer(response: Response, status: int, body: Any = None) -> None:
    response.status = status
    if body is not None:
        response.data, response.content_type = encode(body), JSON


class Reset(Responder):
    async def on_post(self, request: Request, response: Response) -> None:
        seed = (await self.read(request, ResetRequest)).seed
        self.controls.reset()

        def reset(tx: Transaction) -> None:
            contents.empty(tx)
            self.controls.sids.seed(seed)

        await self.replace(reset)
        answer(response, 204)


class Snapshots(Responder):
    async def on_get(self, request: Request, response: Response) -> None:
        await self.admit(request)
        answer(response, 200, {"snapshots": [{"name": name} for name in self.controls.snapshots]})

    async def on_post(self, request: Request, response: Response) -> None:
        name = (await self.read(request, SnapshotRequest)).name
        sids = self.controls.sids
        self.controls.snapshots[name] = await self.server.database.write(
            lambda tx: (contents.copy(tx), sids.state)
        )
        answer(response, 201, {"name": name})


class Snapshot(Responder):
    async def on_post(self, request: Request, response: Response, name: str) -> None:
        """Restore it."""
        await self.admit(request)
        copied, sids = self._find(request, name)

        def restore(tx: Transaction) -> None:
            contents.put_back(tx, copied)
            self.controls.sids.restore(sids)

        await self.replace(restore)
        answer(response, 204)

    async def on_delete(self, request: Request, response: Response, name: str) -> None:
        await self.admit(request)
        self._find(request, name)
        del self.controls.snapshots[name]
        answer(response, 204)

    def _find(self, request: Request, name: str) -> Any:
        if name not in self.controls.snapshots:
            raise errors.NOT_FOUND(path=request.path)
        return self.controls.snapshots[name]


class Fixtures(Responder):
    async def on_post(self, request: Request, response: Response) -> None:
        account = await self.admit(request)
        document = read_document(await body_of(request), request.content_type or JSON)
        make = partial(self._call, account, self.server.public_url(request))
        made = await self.server.database.write(lambda tx: load(tx, make, document))
        answer(response, 201, made)

    def _call(
        self,
        account: Account,
        public_url: str,
        resource_path: str,
        service: str | None,
        path: dict[str, str],
        changes: dict[str, Any],
    ) -> Call:
        return Call(
            account_sid=account.sid,
            service_sid=service or account.default_chat_service_sid,
            default_service_sid=account.default_chat_service_sid,
            path=path,
            resource_path=resource_path,
            prefix=ALONE if service is None else IN_SERVICE,
            profile=self.server.profile,
            public_url=public_url,
            changes=changes,
        )


def read_document(raw: bytes, content_type: str) -> Any:
    if "yaml" in content_type:
        return read_yaml(raw)
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.INVALID_REQUEST(reason=error) from None


def read_yaml(raw: bytes) -> Any:
    import yaml  # noqa: PLC0415 - most servers never need it, and it is slow to load

    try:
        return yaml.safe_load(raw)
    except (yaml.YAMLError, ValueError) as error:
        raise errors.INVALID_REQUEST(reason=" ".join(str(error).split())) from None


class Clock(Responder):
    async def on_get(self, request: Request, response: Response) -> None:
        await self.admit(request)
        self._show(response)

    async def on_post(self, request: Request, response: Response) -> None:
        asked = await self.read(request, ClockRequest)
        clock = self.controls.clock
        if asked.now is not None:
            now = asked.now if asked.now.tzinfo else asked.now.replace(tzinfo=UTC)
            clock.set(round((now - EPOCH).total_seconds() * MILLISECONDS))
        if asked.stopped is not None:
            clock.stop() if asked.stopped else clock.go_on()
        clock.advance(round(asked.advance * MILLISECONDS))
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
        fault = await self.read(request, Fault)
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
        number = request.get_param_as_int("After", min_value=0, default=0)
        wait = request.get_param_as_float("Wait", min_value=0, default=0.0)
        seen = await self.controls.requests.after(number, min(wait, LONGEST_WAIT_SECONDS))
        answer(response, 200, {"requests": seen})

    async def on_delete(self, request: Request, response: Response) -> None:
        await self.admit(request)
        self.controls.requests.clear()
        answer(response, 204)


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


def control_routes(controls: Controls, server: Controlled) -> Iterator[tuple[str, Responder]]:
    for path, responder in ROUTES.items():
        yield OURS + path, responder(controls, server)
