"""Answering with a file: whole or a range of it, checked, and harmless to whoever shows it."""

import hashlib
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Protocol
from urllib.parse import quote

import structlog

from parlour import errors
from parlour.api.exchange import Incoming, Reply
from parlour.store.blobs import Blobs
from parlour.wire.media_types import ANY_TYPE, MediaType, NotAMediaType, read_media_type

# Browsers may show these in place; all else they are to save.
PLAYED = (
    *("3gpp", "3gpp2", "aac", "ac3", "amr", "amr-nb", "basic", "flac", "mp3", "mp4", "mpeg", "ogg", "opus"),
    *("quicktime", "vnd.wave", "wav", "webm", "x-m4a", "x-wav"),
)
SHOWN_INLINE = {
    "text/plain",
    *(f"image/{each}" for each in ("png", "jpeg", "gif", "webp", "avif", "bmp")),
    *(f"{kind}/{each}" for kind in ("audio", "video") for each in PLAYED),
}
# What a browser would run, render or take apart is sent as bytes: by a word of its type, or its kind.
ACTIVE_WORDS = frozenset({"xml", "css", "xsl", "xslt", "wasm"})
ACTIVE_PARTS = ("html", "script")
COMPOSITE = ("multipart/", "message/")

BYTES = MediaType(ANY_TYPE, {})

# Weak or strong: for If-None-Match both are the same.
TAG = re.compile(r'"[^"]*"')
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}

log = structlog.get_logger()


class File(Protocol):
    """What is known of a file that is kept."""

    @property
    def sid(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def sha256(self) -> str | None: ...
    @property
    def content_type(self) -> str: ...
    @property
    def filename(self) -> str | None: ...


async def send_file(request: Incoming, file: File, blobs: Blobs) -> Reply:
    """Answer with the file, or with the one range of it that is asked for (RFC 9110 §13 and §14)."""
    size, tag = file.size or 0, f'"{file.sha256}"'
    headers = {**HEADERS, "ETag": tag}
    if is_known(request.header("If-None-Match"), tag):
        return Reply(HTTPStatus.NOT_MODIFIED, headers=headers)
    wanted = request.header("Range")
    if wanted is not None and request.header("If-Range") in (None, tag):
        chosen = read_range(wanted, size)
    else:
        chosen = None
    start, end = chosen or (0, size)
    chunks = await blobs.read(file.sid, start, end)
    media_type = safe_type(file.content_type)
    headers["Content-Disposition"] = disposition(media_type, file.filename)
    if chosen is None:
        return Reply(HTTPStatus.OK, None, str(media_type), headers, chunks=checked(chunks, file), length=size)
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return Reply(
        HTTPStatus.PARTIAL_CONTENT, None, str(media_type), headers, chunks=chunks, length=end - start
    )


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether the caller has the file already: `*` says so of any file that there is (RFC 9110 §13.1.2)."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in TAG.findall(if_none_match)


def read_range(asked: str, size: int) -> tuple[int, int] | None:
    """The first byte and the one behind the last; None for what is no single range; 416 beyond the end."""
    match = RANGE.fullmatch(asked.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
        if last and int(last) < start:
            return None
    if start >= end:
        raise errors.RANGE_NOT_SATISFIABLE()
    return start, end


async def checked(chunks: AsyncIterator[bytes], file: File) -> AsyncIterator[bytes]:
    """All of `chunks`; the last one is kept back unless the whole is what was uploaded."""
    digest, held_back = hashlib.sha256(), b""
    async for chunk in chunks:
        digest.update(chunk)
        if held_back:
            yield held_back
        held_back = chunk
    if digest.hexdigest() != file.sha256:
        log.error("media_damaged", media_sid=file.sid)
        raise errors.INTERNAL_ERROR()
    yield held_back


def safe_type(stored: str) -> MediaType:
    """The type to serve a file with: bytes for what is active, and for what is no media type.

    It is read anew for each answer, since the database may hold what earlier versions let in, and an
    import anything.
    """
    try:
        media_type = read_media_type(stored)
    except NotAMediaType:
        return BYTES
    return BYTES if is_active(media_type.essence) else media_type


def is_active(essence: str) -> bool:
    words = re.split(r"[^a-z0-9]", essence)
    return (
        essence.startswith(COMPOSITE)
        or any(part in essence for part in ACTIVE_PARTS)
        or not ACTIVE_WORDS.isdisjoint(words)
    )


def disposition(media_type: MediaType, filename: str | None) -> str:
    """Return `inline` only for what cannot act; the name without folders, in ASCII and in full (RFC 6266).

    Not by Falcon's `downloadable_as`, which leaves quotes in a name as they are.
    """
    kind = "inline" if media_type.essence in SHOWN_INLINE else "attachment"
    name = re.split(r"[/\\]", filename or "")[-1]
    name = "".join(each for each in name if each.isprintable()).strip(" .")
    if not name:
        return kind
    plain = re.sub(r"[^A-Za-z0-9 ._-]", "_", name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
