"""Files: taking an upload so that nothing is lost or left behind, and links to content that is stored."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol
from urllib.parse import urlencode

import msgspec

from parlour import errors
from parlour.api.collection import Call, FileCollection
from parlour.api.forms import last_of
from parlour.api.idempotency import Key, is_used, key_of
from parlour.api.upload_turns import UploadTurns
from parlour.api.uploads import Store, Upload
from parlour.errors import ApiError
from parlour.store import Database, Transaction
from parlour.store.blobs import Blobs, measure
from parlour.store.credentials import Vault, secrets_match

LINK_SECONDS = 300
SIGNED = ("Expires", "Signature")

# Reads a file from where it comes, and has it stored.
Receive = Callable[[Store], Awaitable[Upload]]
# Completes the row with this SID, in the transaction that ends an upload.
Finish = Callable[[Transaction, str, Upload], Any]


class FileResource(Protocol):
    """A resource whose content is a file."""

    @property
    def sid(self) -> str: ...
    @property
    def service_sid(self) -> str: ...
    @property
    def path(self) -> str: ...


class AnsweredBefore(Exception):
    """An upload with the same key and content was faster."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.answer = answer


class Uploads:
    """Takes files: first the row, then the bytes, then the rest of the row.

    A file that cannot be taken leaves nothing: what a crash leaves is found by its row and purged.
    """

    def __init__(self, files: FileCollection, database: Database, blobs: Blobs) -> None:
        self._operation, self._steps = files.uploading
        self._database, self._blobs = database, blobs
        self._turns = UploadTurns(blobs.held_by_one)

    async def take(self, call: Call, receive: Receive) -> Any:
        """Return the row of a file that `receive` has had stored. Raises what it raises."""
        return await self._take(call, receive, partial(self._finish, call))

    async def take_once(
        self, call: Call, receive: Receive, header: str, encoded: Callable[[Any], bytes]
    ) -> bytes:
        """Return the answer to an upload with an Idempotency-Key: the first one's, if there was one."""

        def key_for(upload: Upload) -> Key:
            # The file's SHA-256 stands for its bytes.
            return key_of(call.account_sid, header, [call.resource_path, *upload])

        def finish(tx: Transaction, sid: str, upload: Upload) -> bytes:
            key = key_for(upload)
            answer = key.find(tx)
            if answer is not None:
                raise AnsweredBefore(answer)
            return key.once(tx, lambda tx: encoded(self._finish(call, tx, sid, upload)))

        if await self._database.read(lambda tx: is_used(tx, call.account_sid, header)):
            return await self._repeat(call.account_sid, receive, key_for)
        try:
            answer: bytes = await self._take(call, receive, finish)
        except AnsweredBefore as before:
            return before.answer
        return answer

    def _begin(self, call: Call, tx: Transaction) -> Any:
        return self._operation.begin_upload(self._steps, tx, call)

    def _finish(self, call: Call, tx: Transaction, sid: str, upload: Upload) -> Any:
        changes = {"sid": sid, **upload.fields()}
        return self._operation.perform(tx, msgspec.structs.replace(call, changes=changes))

    async def _repeat(self, account_sid: str, receive: Receive, key_for: Callable[[Upload], Key]) -> bytes:
        """Return the answer that was given to the same upload; nothing of this one is stored."""
        async with self._turns.place(account_sid):
            upload = await receive(partial(measure, turn=partial(self._turns.block, account_sid)))
        answer = await self._database.read(key_for(upload).find)
        if answer is None:
            # The key's day ended while the file came.
            raise errors.SERVICE_UNAVAILABLE()
        return answer

    async def _take(self, call: Call, receive: Receive, finish: Finish) -> Any:
        async with self._turns.place(call.account_sid):
            begun = await self._database.write(partial(self._begin, call))
            turn = partial(self._turns.block, call.account_sid)
            try:
                upload = await receive(partial(self._blobs.put, begun.sid, turn=turn))
                return await self._database.write(lambda tx: finish(tx, begun.sid, upload))
            except asyncio.CancelledError:
                # The server stops and waits no longer; the row leads the purge to what there is.
                raise errors.SERVICE_UNAVAILABLE() from None
            except Exception:
                await self._abandon(begun.sid)
                raise

    async def _abandon(self, sid: str) -> None:
        # What cannot be removed now is removed by the purge: the row stands until the bytes are gone.
        with contextlib.suppress(ApiError):
            await self._blobs.delete([sid])
            await self._database.write(lambda tx: self._steps.forget(tx, sid))


class SignedLinks:
    """Links to content that need no credentials, for LINK_SECONDS."""

    def __init__(self, vault: Vault, clock: Callable[[], int]) -> None:
        self._vault, self._clock = vault, clock

    def make(self, file: FileResource) -> str:
        """Return a link without the host."""
        return signed_link(self._vault, file.path, file.service_sid, file.sid, self._clock() // 1_000)

    def ensure_valid(self, service_sid: str, sid: str, query: dict[str, str | list[str]]) -> None:
        """Raise 403 if the link was not made here, or its time is over."""
        expires, signature = (last_of(query.get(name, "")) for name in SIGNED)
        expected = signature_of(self._vault, service_sid, sid, expires)
        if not secrets_match(signature, expected) or int(expires) < self._clock() // 1_000:
            raise errors.LINK_NOT_VALID()


def signed_link(vault: Vault, path: str, service_sid: str, sid: str, now: int) -> str:
    """Return a link to the content of the file at `path`, good from `now` (in seconds since 1970)."""
    expires = str(now + LINK_SECONDS)
    query = urlencode({"Expires": expires, "Signature": signature_of(vault, service_sid, sid, expires)})
    return f"{path}/Content?{query}"


def signature_of(vault: Vault, service_sid: str, sid: str, expires: str) -> str:
    return vault.sign(f"{service_sid}/{sid}/{expires}")
