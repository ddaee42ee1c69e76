"""Reads a file from a request, raw or in a multipart form. The file is never held in memory as a whole."""

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any, NamedTuple

from falcon.asgi.multipart import BodyPart, MultipartForm
from falcon.asgi.reader import BufferedReader
from falcon.errors import DelimiterError
from falcon.media.multipart import MultipartParseOptions

from parlour import errors
from parlour.api.exchange import ApiRequest
from parlour.api.forms import last_of, parse_form
from parlour.api.multipart import MULTIPART, media_type_of, part_names, read_boundary, refusing_bad_text
from parlour.store.blobs import BLOCK_BYTES, Blocks, Written
from parlour.wire.media_types import ANY_TYPE, NotAMediaType, read_media_type
from parlour.wire.texts import decode_text

MAX_FILE_BYTES = 150 * 1_048_576
# The size of a multipart form without its file.
MAX_FORM_OVERHEAD_BYTES = 65_536
MAX_FIELD_BYTES = 4_096
MAX_FILENAME_CHARACTERS = 256
MAX_AUTHOR_CHARACTERS = 256
BUFFER_BYTES = 65_536

CATEGORIES = ("media", "body", "history")
FIELDS = ("Filename", "Category", "Author")

# Stores a file, given as blocks.
StoreBlocks = Callable[[Blocks], Awaitable[Written]]


class Upload(NamedTuple):
    """A file that was stored, with the description that its sender gave."""

    written: Written
    content_type: str
    filename: str | None
    author: str | None
    category: str

    def fields(self) -> dict[str, Any]:
        """Return the fields of the row that describe the file. `author` is left out if it was not sent."""
        author = {} if self.author is None else {"author": self.author}
        return {
            "size": self.written.size,
            "sha256": self.written.sha256,
            "content_type": self.content_type,
            "filename": self.filename,
            "category": self.category,
            **author,
        }


async def receive_file(request: ApiRequest, store: StoreBlocks) -> Upload:
    """Store the file of a request, and read its description from the form or the query."""
    content_type = request.content_type or ANY_TYPE
    length = request.content_length
    if media_type_of(content_type) != MULTIPART:
        ensure_length_fits(length, MAX_FILE_BYTES)
        written = await store(limited_blocks(request.body))
        upload = make_upload(written, content_type, None, dict.fromkeys(FIELDS) | query_of(request))
        ensure_content_size_matches(request, written.size)
        return upload
    ensure_length_fits(length, MAX_FILE_BYTES + MAX_FORM_OVERHEAD_BYTES)
    return await receive_form(request, read_boundary(content_type), store)


async def receive_form(request: ApiRequest, boundary: bytes, store: StoreBlocks) -> Upload:
    stream = BufferedReader(request.body, chunk_size=BUFFER_BYTES)
    values: dict[str, str | None] = dict.fromkeys(FIELDS)
    file: tuple[Written, str, str | None] | None = None
    async for part in MultipartForm(stream, boundary, request.content_length, MultipartParseOptions()):
        name, filename = part_names(part)
        if filename is not None:
            if file is not None:
                raise errors.INVALID_REQUEST(reason="it holds more than one file")
            written = await store(limited_blocks(part.stream))
            file = written, type_of(part), filename
        elif name in FIELDS:
            values[name] = await read_field(part)
    if file is None:
        raise errors.MISSING_PARAMETER(name="media")
    return make_upload(*file, values | query_of(request))


def type_of(part: BodyPart) -> str:
    try:
        return part.content_type
    except UnicodeDecodeError:
        raise errors.INVALID_MEDIA_TYPE() from None


async def read_field(part: BodyPart) -> str:
    raw = await part.stream.read(MAX_FIELD_BYTES + 1)
    if len(raw) > MAX_FIELD_BYTES:
        raise errors.REQUEST_TOO_LARGE()
    with refusing_bad_text("a parameter"):
        return decode_text(raw)


def query_of(request: ApiRequest) -> dict[str, str | None]:
    query = parse_form(request.query.encode())
    return {name: last_of(query[name]) for name in FIELDS if name in query}


def make_upload(
    written: Written, content_type: str, filename: str | None, values: dict[str, str | None]
) -> Upload:
    try:
        read_media_type(content_type)
    except NotAMediaType:
        raise errors.INVALID_MEDIA_TYPE() from None
    category = (values["Category"] or CATEGORIES[0]).lower()
    if category not in CATEGORIES:
        raise errors.INVALID_PARAMETER(name="Category", reason=f"must be one of {', '.join(CATEGORIES)}")
    filename = values["Filename"] or filename or None
    ensure_short_text("Filename", filename, MAX_FILENAME_CHARACTERS)
    ensure_short_text("Author", values["Author"], MAX_AUTHOR_CHARACTERS)
    return Upload(written, content_type, filename, values["Author"] or None, category)


def ensure_short_text(name: str, text: str | None, max_characters: int) -> None:
    if text is not None and len(text) > max_characters:
        reason = f"must be at most {max_characters} characters"
        raise errors.INVALID_PARAMETER(name=name, reason=reason)


def ensure_length_fits(length: int | None, most: int) -> None:
    # Checked by Content-Length, before the body is read.
    if length is not None and length > most:
        raise errors.MEDIA_TOO_LARGE()


def ensure_content_size_matches(request: ApiRequest, size: int) -> None:
    stated = request.header("Content-Size")
    if stated is not None and stated.strip() != str(size):
        raise errors.INVALID_REQUEST(reason="Content-Size is not the size of its body")


async def limited_blocks(chunks: AsyncIterable[bytes]) -> Blocks:
    """Yield the chunks in blocks of at least BLOCK_BYTES, except for the last one.

    Raises an error if the file is larger than MAX_FILE_BYTES.
    """
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
