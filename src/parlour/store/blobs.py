"""Blobs: the bytes of media, in a directory or in a bucket, under the SIDs of their rows."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from parlour import errors
from parlour.errors import ApiError
from parlour.store.folder_file import FolderFile

# What comes in is hashed and written in blocks of this size, in a thread.
BLOCK_BYTES = 1_048_576
# Of a bucket's parts one is sent while the next is filled; none but the last may be smaller.
PART_BYTES = 5 * 1_048_576
PARTS_UNDER_WAY = 1
CHUNK_BYTES = 262_144
DELETED_AT_ONCE = 1_000

UNAVAILABLE = (OSError, BaseError)
IN_A_BUCKET = re.compile(r"s3://[^/]+(/.*)?")
# A part of a path that is ours, and of a file that a crash left unfinished: `3f/ME…` and `3f/ME…#1`.
OURS = re.compile(r"([0-9a-f]{2})/(ME[0-9a-f]{30}\1)(#\d+)?")

log = structlog.get_logger()


class Written(NamedTuple):
    """What was put: its length, and its SHA-256 in hex."""

    size: int
    sha256: str


Blocks = AsyncIterator[bytes | bytearray]
Turn = Callable[[], AbstractAsyncContextManager[None]]


class Hashed:
    """Blocks on their way, whose size and SHA-256 are known once they have passed."""

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
    """What `put` would return, with nothing kept."""
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


class BadPlace(Exception):
    """Media cannot be kept where the setting says."""


def path_of(name: str) -> str:
    # The last digits are random, so that no folder gets much larger than another.
    return f"{name[-2:]}/{name}"


class Blobs:
    """Bytes by name. All of it fails as 503/20503; what is read or put goes through in chunks."""

    def __init__(self, store: ObjectStore, folder: Path | None) -> None:
        self._store, self._folder = store, folder

    @property
    def held_by_one(self) -> int:
        """How many bytes one `put` holds in memory, more or less."""
        return 2 * BLOCK_BYTES + (0 if self._folder is not None else (PARTS_UNDER_WAY + 1) * PART_BYTES)

    async def put(self, name: str, blocks: Blocks, turn: Turn) -> Written:
        """Keep all blocks under `name`, on the disk; what `blocks` raises leaves nothing behind.

        Each block is hashed and written within a `turn`; none is held while the next block is waited for.
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
        """The bytes from `start` up to `end`; the first is there before this returns."""
        if start == end:
            return no_chunks()
        try:
            got = await obstore.get_async(self._store, path_of(name), options={"range": (start, end)})
        except UNAVAILABLE as error:
            raise unavailable(error) from None
        return aiter(got.stream(min_chunk_size=CHUNK_BYTES))

    async def delete(self, names: Iterable[str]) -> None:
        """Remove what there is under these names, finished or not."""
        for name in names:
            try:
                await obstore.delete_async(self._store, path_of(name))
            except FileNotFoundError:
                pass
            except UNAVAILABLE as error:
                raise unavailable(error) from None
            if self._folder is not None:
                remove_unfinished(self._folder / path_of(name))

    async def names(self) -> AsyncIterator[list[str]]:
        """All names under which there is something, finished or not, in lists."""
        try:
            if self._folder is not None:
                yield await asyncio.to_thread(names_in, self._folder)
                return
            async for listed in obstore.list(self._store, chunk_size=DELETED_AT_ONCE):
                yield our_names(item["path"] for item in listed)
        except UNAVAILABLE as error:
            raise unavailable(error) from None


def open_blobs(place: str) -> Blobs:
    """A directory, which is made if it is missing, or `s3://bucket/prefix` with what AWS_… variables say."""
    if IN_A_BUCKET.fullmatch(place):
        try:
            return Blobs(obstore.store.from_url(place), None)
        except BaseError as error:
            raise BadPlace(f"media cannot be kept in {place}: {first_line(error)}") from None
    if "://" in place:
        raise BadPlace("the place for media must be a directory or s3://bucket/prefix")
    folder = Path(place).absolute()
    folder.mkdir(mode=0o700, exist_ok=True)
    return Blobs(LocalStore(folder), folder)


def unavailable(error: Exception) -> ApiError:
    log.error("media_unavailable", error=first_line(error))
    return errors.SERVICE_UNAVAILABLE()


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def remove_unfinished(path: Path) -> None:
    for staged in path.parent.glob(f"{path.name}#*"):
        staged.unlink(missing_ok=True)


def names_in(folder: Path) -> list[str]:
    # The library's own list hides what a crash left unfinished.
    return our_names(path.relative_to(folder).as_posix() for path in folder.glob("*/*"))


def our_names(paths: Iterable[str]) -> list[str]:
    return [found[2] for path in paths if (found := OURS.fullmatch(path))]


async def no_chunks() -> AsyncIterator[bytes]:
    return
    yield b""
