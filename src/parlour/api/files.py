"""Uploads, which leave neither files without rows nor the reverse, and signed links to stored files."""

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
from parlour.api.idempotency import IdempotencyKey, is_used, key_of
from parlour.api.upload_slots import UploadSlots
from parlour.api.uploads import StoreBlocks, Upload
from parlour.errors import ApiError
from parlour.store import Database, Transaction
from parlour.store.blobs import Blobs, measure
from parlour.store.credentials import Vault, secrets_match

LINK_SECONDS = 300
SIGNED = ("Expires", "Signature")

# Reads a file from its source and passes it to a function that stores it.
ReceiveUpload = Callable[[StoreBlocks], Awaitable[Upload]]
# Completes the row with this SID, in the transaction that ends an upload.
Finish = Callable[[Transaction, str, Upload], Any]


class LinkableFile(Protocol):
    """A resource whose content is a file."""

    @property
    def sid(self) -> str: ...
    @property
    def service_sid(self) -> str: ...
    @property
    def path(self) -> str: ...


class AlreadyAnswered(Exception):
    """Another upload with the same key and content has been completed meanwhile."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.answer = answer


class Uploads:
    """Stores files: first a row, then the bytes, then the rest of the row.

    A failed upload leaves nothing. After a crash, the purge finds the row and removes the bytes.
    """

    def __init__(self, files: FileCollection, database: Database, blobs: Blobs) -> None:
        self._operation, self._steps = files.uploading
        self._database, self._blobs = database, blobs
        self._slots = UploadSlots(blobs.held_by_one)

    async def take(self, call: Call, receive: ReceiveUpload) -> Any:
        """Store a file and return its row. Raises what `receive` raises."""
        return await self._take(call, receive, partial(self._finish, call))

    async def take_once(
        self, call: Call, receive: ReceiveUpload, header: str, encode_row: Callable[[Any], bytes]
    ) -> bytes:
        """Store a file and return the answer, or the answer to the first upload with this Idempotency-Key."""

        def key_for(upload: Upload) -> IdempotencyKey:
            # The upload has the SHA-256 of the file.
            return key_of(call.account_sid, header, [call.resource_path, *upload])

        def finish(tx: Transaction, sid: str, upload: Upload) -> bytes:
            key = key_for(upload)
            answer = key.find(tx)
            if answer is not None:
                raise AlreadyAnswered(answer)
            return key.perform_once(tx, lambda tx: encode_row(self._finish(call, tx, sid, upload)))

        if await self._database.read(lambda tx: is_used(tx, call.account_sid, header)):
            return await self._repeat(call.account_sid, receive, key_for)
        try:
            answer: bytes = await self._take(call, receive, finish)
        except AlreadyAnswered as before:
            return before.answer
        return answer

    def _begin(self, call: Call, tx: Transaction) -> Any:
        return self._operation.begin_upload(self._steps, tx, call)

    def _finish(self, call: Call, tx: Transaction, sid: str, upload: Upload) -> Any:
        changes = {"sid": sid, **upload.fields()}
        return self._operation.perform(tx, msgspec.structs.replace(call, changes=changes))

    async def _repeat(
        self, account_sid: str, receive: ReceiveUpload, key_for: Callable[[Upload], IdempotencyKey]
    ) -> bytes:
        """Return the answer to the earlier upload. This one is read and compared, and not stored."""
        async with self._slots.upload_slot(account_sid):
            upload = await receive(partial(measure, turn=partial(self._slots.block_slot, account_sid)))
        answer = await self._database.read(key_for(upload).find)
        if answer is None:
            # The key has expired during the upload.
            raise errors.SERVICE_UNAVAILABLE()
        return answer

    async def _take(self, call: Call, receive: ReceiveUpload, finish: Finish) -> Any:
        async with self._slots.upload_slot(call.account_sid):
            row = await self._database.write(partial(self._begin, call))
            turn = partial(self._slots.block_slot, call.account_sid)
            try:
                upload = await receive(partial(self._blobs.put, row.sid, turn=turn))
                return await self._database.write(lambda tx: finish(tx, row.sid, upload))
            except asyncio.CancelledError:
                # The server stops now. The purge finds the row, and removes the bytes so far.
                raise errors.SERVICE_UNAVAILABLE() from None
            except Exception:
                await self._abandon(row.sid)
                raise

    async def _abandon(self, sid: str) -> None:
        # If this fails, the purge does it: the row is deleted after the bytes.
        with contextlib.suppress(ApiError):
            await self._blobs.delete([sid])
            await self._database.write(lambda tx: self._steps.forget(tx, sid))


class SignedLinks:
    """Links to the content of files that work without credentials for LINK_SECONDS."""

    def __init__(self, vault: Vault, clock: Callable[[], int]) -> None:
        self._vault, self._clock = vault, clock

    def make(self, file: LinkableFile) -> str:
        """Return a link, without scheme and host."""
        return signed_link(self._vault, file.path, file.service_sid, file.sid, self._clock() // 1_000)

    def ensure_valid(self, service_sid: str, sid: str, query: dict[str, str | list[str]]) -> None:
        """Raise 403 if the signature is wrong or the link has expired."""
        expires, signature = (last_of(query.get(name, "")) for name in SIGNED)
        expected = signature_of(self._vault, service_sid, sid, expires)
        if not secrets_match(signature, expected) or int(expires) < self._clock() // 1_000:
            raise errors.LINK_NOT_VALID()


def signed_link(vault: Vault, path: str, service_sid: str, sid: str, now: int) -> str:
    """Return a link to the content of the file at `path`, valid from `now` (in seconds since 1970)."""
    expires = str(now + LINK_SECONDS)
    query = urlencode({"Expires": expires, "Signature": signature_of(vault, service_sid, sid, expires)})
    return f"{path}/Content?{query}"


def signature_of(vault: Vault, service_sid: str, sid: str, expires: str) -> str:
    return vault.sign(f"{service_sid}/{sid}/{expires}")
