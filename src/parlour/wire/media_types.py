"""Media types, which are parsed strictly and written in one form (RFC 9110 §8.3.1)."""

import re
from collections.abc import Mapping
from email.headerregistry import ContentTypeHeader, HeaderRegistry
from typing import NamedTuple

ANY_TYPE = "application/octet-stream"
MAX_CHARACTERS = 512
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
# Comments, continued parameters and blanks around "=" are allowed in mail only, stars in `Accept` only.
NOT_OF_HTTP = re.compile(r"[()*]|\s=|=\s")

read_header = HeaderRegistry()


class NotAMediaType(ValueError):
    """The text is not `type/subtype` with optional parameters."""


class MediaType(NamedTuple):
    """A media type: `essence` is `type/subtype` in lower case, and so are the names of parameters."""

    essence: str
    parameters: Mapping[str, str]

    def __str__(self) -> str:
        """Return the header's value, with each parameter as a token or quoted."""
        written = [f"; {name}={quoted(value)}" for name, value in self.parameters.items()]
        return self.essence + "".join(written)


def quoted(value: str) -> str:
    if TOKEN.fullmatch(value):
        return value
    return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


def read_media_type(text: str) -> MediaType:
    """Parse one media type in visible ASCII. Raises NotAMediaType if any part of the text is not part of it.

    The standard library's parser skips what it does not understand and reports it as a defect. Here every
    defect is an error, because a browser may interpret the skipped part.
    """
    text = text.strip(" ")
    if len(text) > MAX_CHARACTERS or not text.isascii() or not text.isprintable():
        raise NotAMediaType
    if NOT_OF_HTTP.search(QUOTED.sub("", text)):
        raise NotAMediaType
    header = read_header("content-type", text)
    if not isinstance(header, ContentTypeHeader) or header.defects:
        raise NotAMediaType
    essence = header.content_type.lower()
    parts = essence.split("/")
    if not text.lower().startswith(essence) or not all(map(TOKEN.fullmatch, (*parts, *header.params))):
        raise NotAMediaType
    return MediaType(essence, {name.lower(): value for name, value in header.params.items()})
