"""The types of a participant's fields: identities, addresses and the read horizon."""

from typing import Annotated

from parlour import errors
from parlour.wire import sids
from parlour.wire.channels import is_address
from parlour.wire.field_types import FieldType, json_text, path_name, read_integer, text, timestamp

MAX_ADDRESS_CHARACTERS = 256


def read_last_read_index(raw: str) -> int | None:
    """Read an index; "" or "null" marks all messages as unread. Raises ApiError."""
    if raw in ("", "null"):
        return None
    try:
        index = read_integer(raw)
    except ValueError:
        index = -1
    if index < 0:
        raise errors.INVALID_LAST_READ_INDEX()
    return index


def read_projected_address(raw: str) -> str | None:
    """Read an address of the account; "" or "null" removes it. Raises ApiError."""
    if raw in ("", "null"):
        return None
    if len(raw) > MAX_ADDRESS_CHARACTERS or not is_address(raw):
        raise errors.INVALID_BINDING_ADDRESS()
    return raw


def read_proxy_address(raw: str) -> str | None:
    """Read an address of the account; "null" removes it. Raises ApiError."""
    if raw == "null":
        return None
    if not raw:
        raise errors.PROXY_ADDRESS_EMPTY()
    if len(raw) > MAX_ADDRESS_CHARACTERS:
        raise errors.INVALID_PROXY_ADDRESS()
    return raw


PROXY_SCHEMA = {"type": "string", "minLength": 1, "maxLength": MAX_ADDRESS_CHARACTERS}

Address = Annotated[str, text(MAX_ADDRESS_CHARACTERS, errors.INVALID_BINDING_ADDRESS, errors.ADDRESS_EMPTY)]
ProxyAddress = Annotated[str, FieldType(read_proxy_address, {"type": "string"}, None, PROXY_SCHEMA)]
ProjectedAddress = Annotated[str, FieldType(read_projected_address, {"type": "string"})]
Attributes = Annotated[str, json_text(max_bytes=4_096)]
Identity = Annotated[
    str, path_name(256, too_long=errors.IDENTITY_TOO_LONG, empty=errors.IDENTITY_NOT_PROVIDED)
]
LastReadIndex = Annotated[int, FieldType(read_last_read_index, {"type": "integer"})]
LastReadTimestamp = Annotated[int, timestamp(errors.INVALID_LAST_READ_TIMESTAMP, nullable=True)]
RoleSid = Annotated[str, sids.sid("RL", invalid=errors.INVALID_ROLE_SID)]
