"""Content: the templates that a message can be made from, and the variables that fill them."""

from typing import Annotated, NoReturn

import msgspec

from parlour import errors
from parlour.wire import sids
from parlour.wire.kinds import Kind

# Contract: messages.md §1.3 and the pages of these errors.
MAX_VARIABLES_CHARACTERS = 27_801
MAX_KEY_CHARACTERS = 16
MAX_VALUE_CHARACTERS = 256


def read_variables(raw: str) -> str:
    """A JSON object of strings."""
    if len(raw) > MAX_VARIABLES_CHARACTERS:
        raise errors.CONTENT_VARIABLES_TOO_LONG()
    try:
        variables = msgspec.json.decode(raw, type=dict[str, str | int | float | bool | None])
    except (msgspec.DecodeError, RecursionError):
        raise errors.CONTENT_VARIABLES_NOT_JSON() from None
    if any(len(key) > MAX_KEY_CHARACTERS for key in variables):
        raise errors.CONTENT_VARIABLE_KEY_TOO_LONG()
    if any(isinstance(value, str) and len(value) > MAX_VALUE_CHARACTERS for value in variables.values()):
        raise errors.CONTENT_VARIABLE_VALUE_TOO_LONG()
    return raw


ContentSid = Annotated[str, sids.sid("HX", invalid=errors.INVALID_CONTENT_SID)]
ContentVariables = Annotated[str, Kind(read_variables, {"type": "string"})]


def find_content(sid: str) -> NoReturn:
    # No template can be made yet, so there is none to find.
    raise errors.NOT_FOUND(path=f"/Content/{sid}")
