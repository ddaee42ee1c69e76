"""Reading a request's parameters: how large they may be and how they must be encoded."""

from falcon.asgi import Request

from parlour import errors
from parlour.api.forms import parse_form

MAX_FORM_BYTES = 262_144
# What is read and thrown away of a form that is too large, so that its sender can read the refusal.
MAX_DISCARDED_BYTES = 16 * 1_048_576

FORM = "application/x-www-form-urlencoded"


async def read_parameters(request: Request) -> dict[str, str | list[str]]:
    """The form's parameters; 413/20413 over MAX_FORM_BYTES, 400/20001 for another encoding."""
    raw: bytes = await request.stream.read(MAX_FORM_BYTES + 1)
    if len(raw) > MAX_FORM_BYTES:
        await request.stream.read(MAX_DISCARDED_BYTES)
        raise errors.REQUEST_TOO_LARGE()
    content_type = request.content_type
    if raw and content_type is not None and content_type.partition(";")[0].strip().lower() != FORM:
        raise errors.INVALID_REQUEST(reason=f"parameters must be sent as {FORM}")
    return parse_form(raw)
