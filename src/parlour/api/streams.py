"""Files: the requests whose bodies are streamed, and those about what was streamed.

They do not take the pipeline's path, which holds bodies in memory and a transaction for all it does;
what they do to the storage are plain functions all the same.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec
from falcon.asgi import App, Request, Response

from parlour import errors
from parlour.api.auth import Authenticator
from parlour.api.body import JSON, read_bytes
from parlour.api.collection import IN_SERVICE
from parlour.api.downloads import File, send_file
from parlour.api.routes import numbered
from parlour.api.uploads import Upload, receive_file
from parlour.errors import ApiError
from parlour.store import Database, Transaction
from parlour.store.blobs import Blobs
from parlour.store.credentials import Vault, same

LINK_SECONDS = 300

encode = msgspec.json.encode


class Asked(msgspec.Struct, frozen=True):
    """What a request about files names; without an account it came by a link that was signed."""

    account_sid: str | None
    service_sid: str
    sid: str
    resource_path: str

    def not_found(self) -> ApiError:
        return errors.NOT_FOUND(path=self.resource_path)


class SetMember(msgspec.Struct, frozen=True):
    media_sid: str


class SetCommand(msgspec.Struct, frozen=True):
    """`{"command": "get", "list": [{"media_sid": "ME…"}]}`."""

    command: str
    list: list[SetMember]


class StoredFile(File, Protocol):
    @property
    def service_sid(self) -> str: ...


@dataclass(frozen=True)
class Files:
    """A resource whose content is a file: its path, and the transactions behind its verbs.

    `begin` makes the row that an upload's bytes are kept under, `finish` completes it, `forget`
    removes the row of an upload that failed; `show` is its body, given the link that is signed.
    """

    path: str
    resource: type[Any]
    begin: Callable[[Transaction, Asked], Any]
    finish: Callable[[Transaction, Asked, str, Upload], Any]
    forget: Callable[[Transaction, str], None]
    find: Callable[[Transaction, Asked], Any]
    find_many: Callable[[Transaction, Asked, list[str]], list[Any]]
    delete: Callable[[Transaction, Asked], None]
    show: Callable[[Any, str | None], dict[str, Any]]
    max_together: int


class Desk:
    """Answers the requests about one kind of files."""

    def __init__(
        self,
        files: Files,
        database: Database,
        authenticate: Authenticator,
        blobs: Blobs,
        vault: Vault,
        public_url: Callable[[Request], str],
    ) -> None:
        self.files, self._database, self._blobs = files, database, blobs
        self._authenticate, self._vault, self._public_url = authenticate, vault, public_url

    async def upload(self, request: Request, response: Response, service: str) -> None:
        asked = await self._asked(request, service)
        begun = await self._database.write(lambda tx: self.files.begin(tx, asked))
        try:
            upload = await receive_file(request, partial(self._blobs.put, begun.sid))
            done = await self._database.write(lambda tx: self.files.finish(tx, asked, begun.sid, upload))
        except asyncio.CancelledError:
            # The server stops and waits no longer; the row leads the purge to what there is.
            raise errors.SERVICE_UNAVAILABLE() from None
        except Exception:
            await self._abandon(begun.sid)
            raise
        self._answer(response, 201, self.files.show(done, None))

    async def _abandon(self, sid: str) -> None:
        # What cannot be removed now is removed by the purge: the row stands until the bytes are gone.
        with contextlib.suppress(ApiError):
            await self._blobs.delete([sid])
            await self._database.write(lambda tx: self.files.forget(tx, sid))

    async def fetch(self, request: Request, response: Response, service: str, sid: str) -> None:
        asked = await self._asked(request, service, sid)
        found = await self._database.read(lambda tx: self.files.find(tx, asked))
        self._answer(response, 200, self.files.show(found, self._link(request, found)))

    async def delete(self, request: Request, response: Response, service: str, sid: str) -> None:
        asked = await self._asked(request, service, sid)
        await self._database.write(lambda tx: self.files.delete(tx, asked))
        response.status = 204

    async def content(self, request: Request, response: Response, service: str, sid: str) -> None:
        signed = request.get_param("Signature") is not None
        asked = self._by_link(request, service, sid) if signed else await self._asked(request, service, sid)
        found = await self._database.read(lambda tx: self.files.find(tx, asked))
        await send_file(request, response, found, self._blobs)

    async def get_set(self, request: Request, response: Response, service: str) -> None:
        asked = await self._asked(request, service)
        sids = read_set(await read_bytes(request), self.files.max_together)
        found = await self._database.read(lambda tx: self.files.find_many(tx, asked, sids))
        shown = [
            {"code": 404, "media_sid": sid, "media_record": None}
            if each is None
            else {"code": 200, "media_record": self.files.show(each, self._link(request, each))}
            for sid, each in zip(sids, found, strict=True)
        ]
        self._answer(response, 200, shown)

    async def _asked(self, request: Request, service: str, sid: str = "") -> Asked:
        account = await self._authenticate(request.get_header("Authorization"))
        request.scope["trace"].account_sid = account.sid
        return Asked(account.sid, service, sid, request.path[len("/v1") :])

    def _by_link(self, request: Request, service: str, sid: str) -> Asked:
        expires = request.get_param("Expires") or ""
        signature = self._vault.sign(f"{service}/{sid}/{expires}")
        if not same(request.get_param("Signature") or "", signature) or int(expires) < self._now():
            raise errors.LINK_NOT_VALID()
        return Asked(None, service, sid, request.path[len("/v1") :])

    def _link(self, request: Request, file: StoredFile) -> str:
        """A link to the content that needs no credentials, for a few minutes."""
        expires = self._now() + LINK_SECONDS
        signature = self._vault.sign(f"{file.service_sid}/{file.sid}/{expires}")
        query = urlencode({"Expires": expires, "Signature": signature})
        path = f"/v1/Services/{file.service_sid}{self.files.path}/{file.sid}/Content"
        return f"{self._public_url(request)}{path}?{query}"

    def _now(self) -> int:
        return self._database.clock() // 1_000

    def _answer(self, response: Response, status: int, body: Any) -> None:
        response.status, response.data, response.content_type = status, encode(body), JSON


def read_set(raw: bytes, most: int) -> list[str]:
    try:
        asked = msgspec.json.decode(raw, type=SetCommand)
    except (msgspec.DecodeError, RecursionError):
        raise errors.INVALID_REQUEST(reason='it is not {"command": "get", "list": […]}') from None
    if asked.command != "get" or len(asked.list) > most:
        raise errors.INVALID_REQUEST(reason=f"the command must be get, the list at most {most} long")
    return [member.media_sid for member in asked.list]


def add_files(app: App[Request, Response], desk: Desk) -> None:
    path = IN_SERVICE + desk.files.path
    responders: dict[str, dict[str, Callable[..., Any]]] = {
        path: {"on_post": desk.upload},
        f"{path}/{{Sid}}": {"on_get": desk.fetch, "on_delete": desk.delete},
        f"{path}/{{Sid}}/Content": {"on_get": desk.content},
        f"{path}Set": {"on_post": desk.get_set},
    }
    for each, methods in responders.items():
        app.add_route(numbered(each), FileRoute(each, methods))


class FileRoute:
    """What Falcon asks for a path's responders."""

    def __init__(self, path: str, methods: dict[str, Callable[..., Any]]) -> None:
        for name, answer in methods.items():
            setattr(self, name, self._responder(path, answer))

    def _responder(self, path: str, answer: Callable[..., Any]) -> Callable[..., Any]:
        async def respond(request: Request, response: Response, **parts: str) -> None:
            request.scope["trace"].route = path
            await answer(request, response, *parts.values())

        return respond
