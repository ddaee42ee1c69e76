"""Blobs: the bytes of media, in a directory or in a bucket, under the SIDs of their rows."""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import NamedTuple

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from parlour import errors
from parlour.errors import ApiError

# What one upload holds in memory is a part for each that is under way, and one that is being filled.
PART_BYTES = 5 * 1_048_576
PARTS_UNDER_WAY = 2
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


class BadPlace(Exception):
    """Media cannot be kept where the setting says."""


def path_of(name: str) -> str:
    # The last digits are random, so that no folder gets much larger than another.
    return f"{name[-2:]}/{name}"


class Blobs:
    """Bytes by name. All of it fails as 503/20503; what is read or put goes through in chunks."""

    def __init__(self, store: ObjectStore, folder: Path | None) -> None:
        self._store, self._folder = store, folder

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> Written:
        """Keep all chunks under `name`, on the disk; what `chunks` raises leaves nothing behind."""
        size, digest = 0, hashlib.sha256()

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in chunks:
                size += len(chunk)
                digest.update(chunk)
                yield chunk

        try:
            await obstore.put_async(
                self._store,
                path_of(name),
                counted(),
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_UNDER_WAY,
            )
            if self._folder is not None:
                await asyncio.to_thread(sync, self._folder / path_of(name))
        except UNAVAILABLE as error:
            raise unavailable(error) from None
        return Written(size, digest.hexdigest())

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


def sync(path: Path) -> None:
    """Have the file and its names on the disk, as the row that will speak of it is."""
    for each in (path, path.parent, path.parent.parent):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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
