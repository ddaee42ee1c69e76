"""Sends files, or a range of one, with headers and media types that are safe in a browser."""

import hashlib
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Protocol
from urllib.parse import quote

import structlog

from parlour import errors
from parlour.api.exchange import ApiRequest, ApiResponse
from parlour.store.blobs import Blobs
from parlour.wire.media_types import ANY_TYPE, MediaType, NotAMediaType, read_media_type

# Browsers may show these types in a page. All others are downloaded.
PLAYABLE = (
    *("3gpp", "3gpp2", "aac", "ac3", "amr", "amr-nb", "basic", "flac", "mp3", "mp4", "mpeg", "ogg", "opus"),
    *("quicktime", "vnd.wave", "wav", "webm", "x-m4a", "x-wav"),
)
SHOWN_INLINE = {
    "text/plain",
    *(f"image/{each}" for each in ("png", "jpeg", "gif", "webp", "avif", "bmp")),
    *(f"{kind}/{each}" for kind in ("audio", "video") for each in PLAYABLE),
}
# Types that a browser would run, render or split into parts are sent as plain bytes.
ACTIVE_WORDS = frozenset({"xml", "css", "xsl", "xslt", "wasm"})
ACTIVE_PARTS = ("html", "script")
COMPOSITE = ("multipart/", "message/")

BINARY_TYPE = MediaType(ANY_TYPE, {})

# A weak or a strong tag: If-None-Match compares them alike.
TAG = re.compile(r'"[^"]*"')
SINGLE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}

log = structlog.get_logger()


class File(Protocol):
    """The row of a stored file."""

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


async def send_file(request: ApiRequest, file: File, blobs: Blobs) -> ApiResponse:
    """Return the file, or the range that the request asks for (RFC 9110 §13 and §14)."""
    size, tag = file.size or 0, f'"{file.sha256}"'
    headers = {**HEADERS, "ETag": tag}
    if has_same_file(request.header("If-None-Match"), tag):
        return ApiResponse(HTTPStatus.NOT_MODIFIED, headers=headers)
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
        return ApiResponse(
            HTTPStatus.OK, None, str(media_type), headers, chunks=verified(chunks, file), length=size
        )
    headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return ApiResponse(
        HTTPStatus.PARTIAL_CONTENT, None, str(media_type), headers, chunks=chunks, length=end - start
    )


def has_same_file(if_none_match: str | None, tag: str) -> bool:
    """Whether the caller already has the file. `*` matches every file (RFC 9110 §13.1.2)."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in TAG.findall(if_none_match)


def read_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the first position and the one after the last; None unless the header is a single range.

    Raises 416 for a range beyond the end.
    """
    match = SINGLE_RANGE.fullmatch(header.strip())
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


async def verified(chunks: AsyncIterator[bytes], file: File) -> AsyncIterator[bytes]:
    """Yield the chunks. The last one only follows if the SHA-256 is that of the upload."""
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
    """Return the media type to send: plain bytes if the stored one is active or not valid.

    Checked for each answer, because earlier versions and imports may have stored other types.
    """
    try:
        media_type = read_media_type(stored)
    except NotAMediaType:
        return BINARY_TYPE
    return BINARY_TYPE if is_active(media_type.essence) else media_type


def is_active(essence: str) -> bool:
    """Whether a browser may run, render or split content of this type."""
    words = re.split(r"[^a-z0-9]", essence)
    return (
        essence.startswith(COMPOSITE)
        or any(part in essence for part in ACTIVE_PARTS)
        or not ACTIVE_WORDS.isdisjoint(words)
    )


def disposition(media_type: MediaType, filename: str | None) -> str:
    """Return the Content-Disposition, with the file name in ASCII and in UTF-8 (RFC 6266).

    Falcon's `downloadable_as` is not used, because it does not escape quotes in a name.
    """
    kind = "inline" if media_type.essence in SHOWN_INLINE else "attachment"
    name = re.split(r"[/\\]", filename or "")[-1]
    name = "".join(each for each in name if each.isprintable()).strip(" .")
    if not name:
        return kind
    plain = re.sub(r"[^A-Za-z0-9 ._-]", "_", name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
