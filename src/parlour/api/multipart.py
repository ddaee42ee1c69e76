"""Multipart forms: their boundary, the names of their parts, and forms of parameters without files.

twilio-node 3.37 to 3.39 sends every form like this.
"""

import contextlib
import io
import re
from collections.abc import Iterator

from falcon.errors import DelimiterError, MultipartParseError
from falcon.media.multipart import BodyPart, MultipartForm, MultipartParseOptions

from parlour import errors
from parlour.wire.texts import BadText, decode_text, ensure_text

MULTIPART = "multipart/form-data"
# RFC 2046, §5.1.1.
MAX_BOUNDARY_CHARACTERS = 70
# In a form of parameters. MAX_FORM_BYTES would hold 20,000, which take a quarter of a second to parse.
MAX_PARTS = 1_000
# A parameter of a header: its name and its value, which may be quoted. Falcon's parser takes 0.15 s for one
# header with thousands of semicolons in quotes, and a form may have many; this takes a time in proportion.
HEADER_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
PARSE_OPTIONS = MultipartParseOptions()
PARSE_OPTIONS.max_body_part_count = MAX_PARTS


def media_type_of(content_type: str) -> str:
    """Return the media type of a `Content-Type` header, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def read_boundary(content_type: str) -> bytes:
    """Return the boundary of a multipart form. Raises 400/20001 if the header has no valid one."""
    boundary = header_parameters(content_type).get("boundary", "").rstrip()
    if not 0 < len(boundary) <= MAX_BOUNDARY_CHARACTERS:
        raise errors.INVALID_REQUEST(reason="it is not a multipart form")
    return boundary.encode()


def header_parameters(header: str) -> dict[str, str]:
    """Return the parameters of a header by name in lower case; of several with one name, the last."""
    return {name.lower(): unquoted(value.strip()) for name, value in HEADER_PARAMETER.findall(header)}


def unquoted(value: str) -> str:
    if len(value) < len('""') or not value[0] == value[-1] == '"':
        return value
    return value[1:-1].replace("\\\\", "\\").replace('\\"', '"')


def parse_multipart(raw: bytes, content_type: str) -> dict[str, str | list[str]]:
    """Return the parameters by name; a repeated one as a list, as `parse_form` does.

    Raises 400/20001 for another structure, a part that is a file, bad UTF-8 and NUL. As in other forms, the
    text is UTF-8, whatever a header says.
    """
    if not raw:
        return {}
    form: dict[str, str | list[str]] = {}
    parts = MultipartForm(io.BytesIO(raw), read_boundary(content_type), len(raw), PARSE_OPTIONS)
    try:
        for part in parts:
            name = parameter_name(part)
            with refusing_bad_text("a parameter"):
                add(form, name, decode_text(part.stream.read()))
    except (MultipartParseError, DelimiterError):
        reason = f"it is not a multipart form of at most {MAX_PARTS:,} parts"
        raise errors.INVALID_REQUEST(reason=reason) from None
    return form


def add(form: dict[str, str | list[str]], name: str, value: str) -> None:
    earlier = form.get(name)
    if earlier is None:
        form[name] = value
    elif isinstance(earlier, str):
        form[name] = [earlier, value]
    else:
        earlier.append(value)


def parameter_name(part: BodyPart) -> str:
    name, filename = part_names(part)
    if filename is not None:
        raise errors.INVALID_REQUEST(reason="a parameter is sent as a file")
    if name is None:
        raise errors.INVALID_REQUEST(reason="a part of its form has no name")
    return name


def part_names(part: BodyPart) -> tuple[str | None, str | None]:
    """Return the names of a part and of its file."""
    with refusing_bad_text("a name"):
        header = part._headers.get(b"content-disposition", b"")  # noqa: SLF001 - no other way to it
        parameters = header_parameters(decode_text(header))
        # Falcon reads the names from this, and would otherwise make it by its own parser.
        part._content_disposition = "form-data", parameters  # noqa: SLF001 - the same
        name, filename = part.name, part.filename
        for each in (name, filename):
            ensure_text(each or "")
        return name, filename


@contextlib.contextmanager
def refusing_bad_text(what: str) -> Iterator[None]:
    """Raise 400/20001 if the block reads text that is not valid; `what` names it in the error."""
    try:
        yield
    except BadText as reason:
        raise errors.INVALID_REQUEST(reason=f"{what} {reason}") from None
