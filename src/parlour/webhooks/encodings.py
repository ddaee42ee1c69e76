"""Content encodings of replies: we ask for none, decode gzip and deflate, and refuse others."""

import zlib
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import aiohttp

# Sent with every outbound request.
REQUEST_HEADERS = {"Accept-Encoding": "identity"}
# The most that is decoded at a time: a few bytes may expand to gigabytes.
PIECE_BYTES = 65_536

GZIP = zlib.MAX_WBITS + 16
ZLIB, RAW = zlib.MAX_WBITS, -zlib.MAX_WBITS
# The low bits of the first byte of a zlib header; many servers send `deflate` without the header.
METHOD_BITS, ZLIB_METHOD = 0x0F, 8


class BadEncoding(ValueError):
    """The content of a reply cannot be decoded."""


async def decoded(answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """Yield the decoded content of a reply, in pieces of at most PIECE_BYTES. Raises BadEncoding."""
    encoding = answer.headers.get("Content-Encoding", "").strip().lower()
    chunks = answer.content.iter_chunked(PIECE_BYTES)
    if encoding in {"", "identity"}:
        async for chunk in chunks:
            yield chunk
        return
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise BadEncoding("the answer's Content-Encoding is neither gzip nor deflate")
    stream = None
    async for chunk in chunks:
        data = chunk
        while data:
            if stream is None or stream.eof:
                # The content may consist of several gzip members.
                stream = zlib.decompressobj(window_of(encoding, data[0]))
            for piece in pieces_of(stream, data):
                yield piece
            data = stream.unused_data
    if stream is not None and not stream.eof:
        raise BadEncoding("the answer's content ends too early")


def window_of(encoding: str, first_byte: int) -> int:
    """Return the window bits for zlib: the first byte of deflate shows whether there is a zlib header."""
    if encoding != "deflate":
        return GZIP
    return ZLIB if first_byte & METHOD_BITS == ZLIB_METHOD else RAW


def pieces_of(stream: Any, data: bytes) -> Iterator[bytes]:
    """Yield what `data` decodes to, up to the end of one gzip member or deflate stream."""
    piece = b""
    while data or len(piece) == PIECE_BYTES:
        try:
            piece = stream.decompress(data, PIECE_BYTES)
        except zlib.error:
            raise BadEncoding("the answer's content is not what its Content-Encoding says") from None
        data = stream.unconsumed_tail
        if piece:
            yield piece
