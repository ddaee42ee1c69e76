"""Answering with a file: whole or a range of it, checked, and harmless to whoever shows it."""

import hashlib
import re
from collections.abc import AsyncIterator
from typing import Protocol
from urllib.parse import quote

import structlog
from falcon.asgi import Request, Response

from parlour import errors
from parlour.store.blobs import Blobs

# Browsers may show these in place; all else they are to save.
SHOWN_INLINE = re.compile(r"image/(png|jpeg|gif|webp|avif|bmp)|(audio|video)/[\w.+-]+|text/plain", re.ASCII)
# What a browser would run or render is told as bytes.
ACTIVE = re.compile(r"(text|application)/([\w.-]*script|html|xml|css)\b|[\w.-]+/[\w.-]+\+xml", re.ASCII)

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


async def send_file(request: Request, response: Response, file: File, blobs: Blobs) -> None:
    size, tag = file.size or 0, f'"{file.sha256}"'
    response.set_headers(HEADERS)
    response.set_header("ETag", tag)
    if is_known(request.get_header("If-None-Match"), tag):
        response.status = 304
        return
    asked = request.get_header("Range")
    if asked is not None and request.get_header("If-Range") in (None, tag):
        chosen = read_range(asked, size)
    else:
        chosen = None
    start, end = chosen or (0, size)
    chunks = await blobs.read(file.sid, start, end)
    response.status = 200 if chosen is None else 206
    if chosen is not None:
        response.set_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
    response.content_type = safe_type(file.content_type)
    response.set_header("Content-Disposition", disposition(file.content_type, file.filename))
    response.content_length = end - start
    response.stream = chunks if chosen else checked(chunks, file)


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


def safe_type(content_type: str) -> str:
    return "application/octet-stream" if ACTIVE.match(essence(content_type)) else content_type


def essence(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def disposition(content_type: str, filename: str | None) -> str:
    """`inline` only for what cannot act; the name without folders, in ASCII and in full (RFC 6266)."""
    kind = "inline" if SHOWN_INLINE.fullmatch(essence(content_type)) else "attachment"
    name = re.split(r"[/\\]", filename or "")[-1]
    name = "".join(each for each in name if each.isprintable()).strip(" .")
    if not name:
        return kind
    plain = re.sub(r"[^A-Za-z0-9 ._-]", "_", name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
