"""Reading a file out of a request, raw or from a multipart form, without ever holding it whole."""

import contextlib
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from typing import Any, NamedTuple

from falcon.asgi.multipart import BodyPart, MultipartForm
from falcon.asgi.reader import BufferedReader
from falcon.errors import DelimiterError
from falcon.media.multipart import MultipartParseOptions
from falcon.util.mediatypes import parse_header

from parlour import errors
from parlour.api.exchange import Incoming
from parlour.api.forms import last_of, parse_form
from parlour.store.blobs import BLOCK_BYTES, Blocks, Written
from parlour.wire.media_types import ANY_TYPE, NotAMediaType, read_media_type
from parlour.wire.texts import BadText, decode_text, ensure_text

MAX_FILE_BYTES = 150 * 1_048_576
# What a multipart form may hold beside its file.
MAX_ENVELOPE_BYTES = 65_536
MAX_FIELD_BYTES = 4_096
MAX_FILENAME_CHARACTERS = 256
MAX_AUTHOR_CHARACTERS = 256
BUFFER_BYTES = 65_536

MULTIPART = "multipart/form-data"
CATEGORIES = ("media", "body", "history")
FIELDS = ("Filename", "Category", "Author")

# Stores the blocks of a file.
Store = Callable[[Blocks], Awaitable[Written]]


class Upload(NamedTuple):
    """A file that was received and stored, with its sender's description of it."""

    written: Written
    content_type: str
    filename: str | None
    author: str | None
    category: str

    def fields(self) -> dict[str, Any]:
        """The fields of a row that describe the file; without those that the sender left out."""
        author = {} if self.author is None else {"author": self.author}
        return {
            "size": self.written.size,
            "sha256": self.written.sha256,
            "content_type": self.content_type,
            "filename": self.filename,
            "category": self.category,
            **author,
        }


async def receive_file(request: Incoming, store: Store) -> Upload:
    """Have `store` take the request's file, and read its description from the form or the query."""
    content_type = request.content_type or ANY_TYPE
    name, options = parse_header(content_type)
    length = request.content_length
    if name.lower() != MULTIPART:
        ensure_length_fits(length, MAX_FILE_BYTES)
        written = await store(no_larger_than_allowed(request.body))
        upload = describe(written, content_type, None, dict.fromkeys(FIELDS) | query_of(request))
        ensure_size_is_as_told(request, written.size)
        return upload
    ensure_length_fits(length, MAX_FILE_BYTES + MAX_ENVELOPE_BYTES)
    boundary = options.get("boundary", "").encode()
    if not 0 < len(boundary) <= 70:  # noqa: PLR2004 - RFC 2046 says so
        raise errors.INVALID_REQUEST(reason="it is not a multipart form")
    return await receive_form(request, boundary, store)


async def receive_form(request: Incoming, boundary: bytes, store: Store) -> Upload:
    stream = BufferedReader(request.body, chunk_size=BUFFER_BYTES)
    said: dict[str, str | None] = dict.fromkeys(FIELDS)
    found: tuple[Written, str, str | None] | None = None
    async for part in MultipartForm(stream, boundary, request.content_length, MultipartParseOptions()):
        name, filename = names_of(part)
        if filename is not None:
            if found is not None:
                raise errors.INVALID_REQUEST(reason="it holds more than one file")
            written = await store(no_larger_than_allowed(part.stream))
            found = written, type_of(part), filename
        elif name in FIELDS:
            said[name] = await read_field(part)
    if found is None:
        raise errors.MISSING_PARAMETER(name="media")
    return describe(*found, said | query_of(request))


def names_of(part: BodyPart) -> tuple[str | None, str | None]:
    """The name of the part and of its file."""
    with refused_as("a name"):
        name, filename = part.name, part.filename
        for each in (name, filename):
            ensure_text(each or "")
        return name, filename


def type_of(part: BodyPart) -> str:
    try:
        return part.content_type
    except UnicodeDecodeError:
        raise errors.INVALID_MEDIA_TYPE() from None


async def read_field(part: BodyPart) -> str:
    raw = await part.stream.read(MAX_FIELD_BYTES + 1)
    if len(raw) > MAX_FIELD_BYTES:
        raise errors.REQUEST_TOO_LARGE()
    with refused_as("a parameter"):
        return decode_text(raw)


@contextlib.contextmanager
def refused_as(what: str) -> Iterator[None]:
    """400/20001 for text that cannot be taken."""
    try:
        yield
    except UnicodeDecodeError:
        raise errors.INVALID_REQUEST(reason=f"{what} is not UTF-8") from None
    except BadText as reason:
        raise errors.INVALID_REQUEST(reason=f"{what} {reason}") from None


def query_of(request: Incoming) -> dict[str, str | None]:
    asked = parse_form(request.query.encode())
    return {name: last_of(asked[name]) for name in FIELDS if name in asked}


def describe(
    written: Written, content_type: str, filename: str | None, said: dict[str, str | None]
) -> Upload:
    try:
        read_media_type(content_type)
    except NotAMediaType:
        raise errors.INVALID_MEDIA_TYPE() from None
    category = (said["Category"] or CATEGORIES[0]).lower()
    if category not in CATEGORIES:
        raise errors.INVALID_PARAMETER(name="Category", reason=f"must be one of {', '.join(CATEGORIES)}")
    filename = said["Filename"] or filename or None
    ensure_short_text("Filename", filename, MAX_FILENAME_CHARACTERS)
    ensure_short_text("Author", said["Author"], MAX_AUTHOR_CHARACTERS)
    return Upload(written, content_type, filename, said["Author"] or None, category)


def ensure_short_text(name: str, text: str | None, max_characters: int) -> None:
    if text is not None and len(text) > max_characters:
        reason = f"must be at most {max_characters} characters"
        raise errors.INVALID_PARAMETER(name=name, reason=reason)


def ensure_length_fits(length: int | None, most: int) -> None:
    # Refused by what it says of itself, before a byte of it is taken.
    if length is not None and length > most:
        raise errors.MEDIA_TOO_LARGE()


def ensure_size_is_as_told(request: Incoming, size: int) -> None:
    said = request.header("Content-Size")
    if said is not None and said.strip() != str(size):
        raise errors.INVALID_REQUEST(reason="Content-Size is not the size of its body")


async def no_larger_than_allowed(chunks: AsyncIterable[bytes]) -> Blocks:
    """The chunks, put together to blocks of BLOCK_BYTES or more; the last one may be smaller."""
    size, block = 0, bytearray()
    try:
        async for chunk in chunks:
            size += len(chunk)
            if size > MAX_FILE_BYTES:
                raise errors.MEDIA_TOO_LARGE()
            block += chunk
            if len(block) >= BLOCK_BYTES:
                yield block
                block = bytearray()
    except DelimiterError:
        raise errors.INVALID_REQUEST(reason="it is not a multipart form") from None
    if block:
        yield block
