"""Reads a request's parameters, which are bounded in size and sent as a form or as JSON."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from parlour import errors
from parlour.api.exchange import ApiRequest, RequestBody
from parlour.api.forms import parse_form
from parlour.api.multipart import MULTIPART, media_type_of, parse_multipart
from parlour.wire.texts import BadText, read_json

MAX_FORM_BYTES = 262_144
# How much of a form that is too large is read and discarded, so that its sender can read the error.
MAX_DISCARDED_BYTES = 16 * 1_048_576

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

SentParameters = dict[str, str | list[str]]


class Encoding(NamedTuple):
    """The encoding of a resource's parameters."""

    media_type: str
    parse: Callable[[bytes], SentParameters]

    async def read(self, request: ApiRequest) -> SentParameters:
        """Return the parameters. Raises 413/20413 over MAX_FORM_BYTES, 400/20001 for another encoding.

        A form may also be a multipart one.
        """
        raw = await read_bytes(request.body)
        given = request.content_type
        if not raw or given is None or media_type_of(given) == self.media_type:
            return self.parse(raw)
        if self.media_type == FORM and media_type_of(given) == MULTIPART:
            return parse_multipart(raw, given)
        raise errors.INVALID_REQUEST(reason=f"parameters must be sent as {self.media_type}")


async def read_bytes(body: RequestBody) -> bytes:
    raw = await body.read(MAX_FORM_BYTES + 1)
    if len(raw) > MAX_FORM_BYTES:
        await body.read(MAX_DISCARDED_BYTES)
        raise errors.REQUEST_TOO_LARGE()
    return raw


def parse_object(raw: bytes) -> SentParameters:
    """Return the members of a JSON object, each as JSON text, without those that are null."""
    try:
        members = read_json(raw or b"{}", dict[str, msgspec.Raw])
    except BadText as reason:
        raise errors.INVALID_REQUEST(reason=f"its JSON {reason}") from None
    sent = {name: bytes(value).decode() for name, value in members.items()}
    return {name: value for name, value in sent.items() if value != "null"}


AS_FORM = Encoding(FORM, parse_form)
AS_JSON = Encoding(JSON, parse_object)
