"""Blobs: the bytes of media, stored in a directory or in a bucket under the SIDs of their rows."""

import asyncio
import contextlib
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import obstore
import structlog
from obstore.exceptions import AlreadyExistsError, BaseError, NotSupportedError
from obstore.store import LocalStore, ObjectStore

from parlour import errors
from parlour.errors import ApiError, UserError
from parlour.store.folder_file import FolderFile, sync
from parlour.store.threaded import in_thread

if TYPE_CHECKING:
    from obstore.store import RetryConfig

# Uploads are hashed and written in blocks of this size, in a thread.
BLOCK_BYTES = 1_048_576
# The size of a multipart upload's parts: one is sent while the next is filled. Only the last may be smaller.
PART_BYTES = 5 * 1_048_576
PARTS_UNDER_WAY = 1
CHUNK_BYTES = 262_144
LISTED_AT_ONCE = 1_000
# The start of a server waits less long than an upload does for a bucket that does not answer.
SHORTLY: "RetryConfig" = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}

UNAVAILABLE = (OSError, BaseError)
IN_A_BUCKET = re.compile(r"s3://[^/]+(/.*)?")
# The object that names the database that owns the media. The folders of media have hexadecimal names.
MARKER = "parlour-database"
# The path of a file of ours, and of one that a crash left unfinished: `3f/ME…` and `3f/ME…#1`.
OURS = re.compile(r"([0-9a-f]{2})/(ME[0-9a-f]{30}\1)(#\d+)?")

log = structlog.get_logger()


class Written(NamedTuple):
    """The result of storing a file: its size in bytes, and its SHA-256 in hex."""

    size: int
    sha256: str


Blocks = AsyncIterator[bytes | bytearray]
Turn = Callable[[], AbstractAsyncContextManager[None]]


class Hashed:
    """Passes blocks on and computes their size and SHA-256."""

    def __init__(self, blocks: Blocks, turn: Turn) -> None:
        self._blocks, self._turn = blocks, turn
        self._size, self._digest = 0, hashlib.sha256()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for block in self._blocks:
            async with self._turn():
                await asyncio.to_thread(self._digest.update, block)
            self._size += len(block)
            yield bytes(block)

    @property
    def written(self) -> Written:
        return Written(self._size, self._digest.hexdigest())


async def measure(blocks: Blocks, turn: Turn) -> Written:
    """Return what `put` would return, without storing the blocks."""
    hashed = Hashed(blocks, turn)
    async for _ in hashed:
        pass
    return hashed.written


async def put_in_folder(path: Path, blocks: Blocks, turn: Turn) -> Written:
    file = await asyncio.to_thread(FolderFile, path)
    try:
        async for block in blocks:
            async with turn():
                await asyncio.to_thread(file.write, block)
        async with turn():
            return Written(*await asyncio.to_thread(file.finish))
    except BaseException:
        file.discard()
        raise


class StoredFile(NamedTuple):
    """A file in the store, finished or not; `modified` is in milliseconds since 1970."""

    name: str
    modified: int
    size: int


class BadPlace(UserError):
    """Media cannot be stored where the setting says."""


def path_of(name: str) -> str:
    # The last digits are random, so that all folders grow alike.
    return f"{name[-2:]}/{name}"


class Blobs:
    """Stores and reads files in chunks. Its methods raise 503/20503 if the store does not answer."""

    def __init__(self, store: ObjectStore, folder: Path | None) -> None:
        self._store, self._folder = store, folder

    @property
    def held_by_one(self) -> int:
        """The approximate number of bytes that one `put` holds in memory."""
        return 2 * BLOCK_BYTES + (0 if self._folder is not None else (PARTS_UNDER_WAY + 1) * PART_BYTES)

    async def put(self, name: str, blocks: Blocks, turn: Turn) -> Written:
        """Store all blocks under `name`, on the disk. If `blocks` raises, nothing is stored.

        Each block is hashed and written within a `turn`, which is not held while the next block is awaited.
        """
        try:
            if self._folder is None:
                return await self._put_in_bucket(name, blocks, turn)
            return await put_in_folder(self._folder / path_of(name), blocks, turn)
        except UNAVAILABLE as error:
            raise unavailable(error) from None

    async def _put_in_bucket(self, name: str, blocks: Blocks, turn: Turn) -> Written:
        hashed = Hashed(blocks, turn)
        await obstore.put_async(
            self._store,
            path_of(name),
            aiter(hashed),
            chunk_size=PART_BYTES,
            max_concurrency=PARTS_UNDER_WAY,
        )
        return hashed.written

    async def read(self, name: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Return the bytes from `start` up to `end`. Raises before it returns if the file cannot be read."""
        if start == end:
            return no_chunks()
        path = path_of(name)
        try:
            if self._folder is None:
                # Not in threads: they are few, and a slow bucket would take them from everybody else.
                got = await obstore.get_async(self._store, path, options={"range": (start, end)})
                return aiter(got.stream(min_chunk_size=CHUNK_BYTES))
            got = await asyncio.to_thread(obstore.get, self._store, path, options={"range": (start, end)})
        except UNAVAILABLE as error:
            raise unavailable(error) from None
        return in_thread(got.stream(min_chunk_size=CHUNK_BYTES))

    async def delete(self, names: Iterable[str]) -> None:
        """Remove the files with these names, finished or not."""
        for name in names:
            try:
                await asyncio.to_thread(obstore.delete, self._store, path_of(name))
            except FileNotFoundError:
                pass
            except UNAVAILABLE as error:
                raise unavailable(error) from None
            if self._folder is not None:
                remove_unfinished(self._folder / path_of(name))

    async def files(self) -> AsyncIterator[list[StoredFile]]:
        """Yield all files of media, finished or not, in lists."""
        try:
            if self._folder is not None:
                files = await asyncio.to_thread(files_in, self._folder)
                for start in range(0, len(files), LISTED_AT_ONCE):
                    yield files[start : start + LISTED_AT_ONCE]
                return
            async for listed in in_thread(obstore.list(self._store, chunk_size=LISTED_AT_ONCE)):
                yield [
                    StoredFile(found[2], round(item["last_modified"].timestamp() * 1_000), item["size"])
                    for item in listed
                    if (found := OURS.fullmatch(item["path"]))
                ]
        except UNAVAILABLE as error:
            raise unavailable(error) from None

    def owner(self) -> str | None:
        """Return the SID of the database that the media belong to, or None if they belong to none yet."""
        try:
            return bytes(obstore.get(self._store, MARKER).bytes()).decode(errors="replace").strip()
        except FileNotFoundError:
            return None
        except UNAVAILABLE as error:
            raise BadPlace(f"the media cannot be read: {first_line(error)}") from None

    def claim(self, database_sid: str) -> None:
        """Store that the media belong to this database, unless they belong to one already."""
        content = f"{database_sid}\n".encode()
        try:
            obstore.put(self._store, MARKER, content, mode="create")
            if self._folder is not None:
                for each in (self._folder / MARKER, self._folder):
                    sync(each)
        except AlreadyExistsError:
            if self.owner() is None:
                raise BadPlace(f"the media cannot be marked: {MARKER} there is not a file") from None
        except NotSupportedError:
            # Some servers for S3 cannot create only what is missing.
            if self.owner() is None:
                obstore.put(self._store, MARKER, content)
        except UNAVAILABLE as error:
            raise BadPlace(f"media cannot be kept there: {first_line(error)}") from None


def open_blobs(place: str) -> Blobs:
    """Open a directory, which is created if it is missing, or `s3://bucket/prefix` by the AWS_… variables."""
    ensure_place(place)
    if IN_A_BUCKET.fullmatch(place):
        return open_bucket(place)
    folder = Path(place).absolute()
    folder.mkdir(mode=0o700, exist_ok=True)
    return Blobs(LocalStore(folder), folder)


def open_bucket(place: str, retries: "RetryConfig | None" = None) -> Blobs:
    try:
        return Blobs(obstore.store.from_url(place, retry_config=retries), None)
    except BaseError as error:
        raise BadPlace(f"media cannot be kept in {place}: {first_line(error)}") from None


def ensure_place(place: str) -> None:
    """Raise BadPlace if media cannot be stored there. Creates nothing and sends no request to a bucket."""
    if IN_A_BUCKET.fullmatch(place):
        open_bucket(place)
        return
    if "://" in place or not place:
        raise BadPlace(f"media cannot be kept in {place!r}: it must be a directory or s3://bucket/prefix")
    folder = Path(place).absolute()
    if folder.exists() and not folder.is_dir():
        raise BadPlace(f"media cannot be kept in {place}: it is not a folder")
    if not folder.parent.is_dir():
        raise BadPlace(f"media cannot be kept in {place}: there is no folder {folder.parent}")
    if not os.access(folder if folder.exists() else folder.parent, os.W_OK | os.X_OK):
        raise BadPlace(f"media cannot be kept in {place}: this user may not write there")


def owner_of(place: str) -> str | None:
    """Return the SID of the database that owns the media in a place. Creates nothing."""
    ensure_place(place)
    if IN_A_BUCKET.fullmatch(place):
        return open_bucket(place, SHORTLY).owner()
    folder = Path(place).absolute()
    return Blobs(LocalStore(folder), folder).owner() if folder.is_dir() else None


def unavailable(error: Exception) -> ApiError:
    log.error("media_unavailable", error=first_line(error))
    return errors.SERVICE_UNAVAILABLE()


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def remove_unfinished(path: Path) -> None:
    for staged in path.parent.glob(f"{path.name}#*"):
        staged.unlink(missing_ok=True)


def files_in(folder: Path) -> list[StoredFile]:
    # The library's own list omits unfinished files that a crash has left.
    found = []
    for path in folder.glob("*/*"):
        ours = OURS.fullmatch(path.relative_to(folder).as_posix())
        with contextlib.suppress(FileNotFoundError):
            if ours:
                status = path.stat()
                found.append(StoredFile(ours[2], status.st_mtime_ns // 1_000_000, status.st_size))
    return found


async def no_chunks() -> AsyncIterator[bytes]:
    return
    yield b""
