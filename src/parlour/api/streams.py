"""Files: the requests whose bodies are streamed, and those about what was streamed.

They do not take the pipeline's path, which holds bodies in memory and a transaction for all it does;
what they do to the storage are plain functions all the same.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec
from falcon.asgi import Request, Response

from parlour import errors
from parlour.api.auth import Authenticator
from parlour.api.body import JSON, read_bytes
from parlour.api.downloads import File, send_file
from parlour.api.idempotency import HEADER, Key, is_used, key_of, read_header
from parlour.api.upload_turns import UploadTurns
from parlour.api.uploads import Keep, Upload, receive_file
from parlour.errors import ApiError
from parlour.store import Database, Transaction
from parlour.store.blobs import Blobs, measure
from parlour.store.credentials import Vault, same
from parlour.wire.texts import BadText, read_json

LINK_SECONDS = 300

encode = msgspec.json.encode
Receive = Callable[[Keep], Awaitable[Upload]]
Finish = Callable[[Transaction, str, Upload], Any]


class AnsweredBefore(Exception):
    """An upload with the same key and content was faster."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.answer = answer


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
        self._turns = UploadTurns(blobs.held_by_one)

    async def upload(self, request: Request, response: Response, service: str) -> None:
        asked = await self._asked(request, service)
        key, receive = read_header(request.get_header(HEADER)), partial(receive_file, request)
        if key is None:
            body = encode(self.files.show(await self.take(asked, receive), None))
        else:
            body = await self._take_once(asked, receive, key)
        response.status, response.data, response.content_type = 201, body, JSON

    async def take(self, asked: Asked, receive: Receive) -> Any:
        """The row of a file that `receive` has kept; what it raises leaves nothing behind."""
        return await self._take(
            asked, receive, lambda tx, sid, upload: self.files.finish(tx, asked, sid, upload)
        )

    async def _take_once(self, asked: Asked, receive: Receive, header: str) -> bytes:
        """The answer to an upload that carries a key: the first one's, if there was one."""
        account_sid = asked.account_sid or ""

        def key_for(upload: Upload) -> Key:
            # The file's SHA-256 stands for its bytes.
            return key_of(account_sid, header, [asked.resource_path, *upload])

        def finish(tx: Transaction, sid: str, upload: Upload) -> bytes:
            key = key_for(upload)
            answer = key.find(tx)
            if answer is not None:
                raise AnsweredBefore(answer)
            return key.once(
                tx, lambda tx: encode(self.files.show(self.files.finish(tx, asked, sid, upload), None))
            )

        if await self._database.read(lambda tx: is_used(tx, account_sid, header)):
            return await self._repeat(account_sid, receive, key_for)
        try:
            answer: bytes = await self._take(asked, receive, finish)
        except AnsweredBefore as before:
            return before.answer
        return answer

    async def _repeat(self, account_sid: str, receive: Receive, key_for: Callable[[Upload], Key]) -> bytes:
        """The answer that was given to the same upload; of this one nothing is kept."""
        async with self._turns.place(account_sid):
            upload = await receive(partial(measure, turn=partial(self._turns.block, account_sid)))
        answer = await self._database.read(key_for(upload).find)
        if answer is None:
            # The key's day ended while the file came.
            raise errors.SERVICE_UNAVAILABLE()
        return answer

    async def _take(self, asked: Asked, receive: Receive, finish: Finish) -> Any:
        account_sid = asked.account_sid or ""
        async with self._turns.place(account_sid):
            begun = await self._database.write(lambda tx: self.files.begin(tx, asked))
            turn = partial(self._turns.block, account_sid)
            return await self._complete(
                begun.sid, receive, partial(self._blobs.put, begun.sid, turn=turn), finish
            )

    async def _complete(self, sid: str, receive: Receive, keep: Keep, finish: Finish) -> Any:
        try:
            upload = await receive(keep)
            return await self._database.write(lambda tx: finish(tx, sid, upload))
        except asyncio.CancelledError:
            # The server stops and waits no longer; the row leads the purge to what there is.
            raise errors.SERVICE_UNAVAILABLE() from None
        except Exception:
            await self._abandon(sid)
            raise

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
        signature = signature_of(self._vault, service, sid, expires)
        if not same(request.get_param("Signature") or "", signature) or int(expires) < self._now():
            raise errors.LINK_NOT_VALID()
        return Asked(None, service, sid, request.path[len("/v1") :])

    def _link(self, request: Request, file: StoredFile) -> str:
        link = signed_link(self._vault, self.files, file.service_sid, file.sid, self._now())
        return self._public_url(request) + link

    def _now(self) -> int:
        return self._database.clock() // 1_000

    def _answer(self, response: Response, status: int, body: Any) -> None:
        response.status, response.data, response.content_type = status, encode(body), JSON


def signed_link(vault: Vault, files: Files, service_sid: str, sid: str, now: int) -> str:
    """A link to a file's content that needs no credentials, for a few minutes from `now` (in seconds)."""
    expires = str(now + LINK_SECONDS)
    query = urlencode({"Expires": expires, "Signature": signature_of(vault, service_sid, sid, expires)})
    return f"/v1/Services/{service_sid}{files.path}/{sid}/Content?{query}"


def signature_of(vault: Vault, service_sid: str, sid: str, expires: str) -> str:
    return vault.sign(f"{service_sid}/{sid}/{expires}")


def read_set(raw: bytes, most: int) -> list[str]:
    try:
        asked = read_json(raw, SetCommand)
    except BadText:
        raise errors.INVALID_REQUEST(reason='it is not {"command": "get", "list": […]}') from None
    if asked.command != "get" or len(asked.list) > most:
        raise errors.INVALID_REQUEST(reason=f"the command must be get, the list at most {most} long")
    return [member.media_sid for member in asked.list]
