"""Channel metadata: data that another channel gave with a message, beyond its text."""

from typing import Any, ClassVar

import msgspec

from parlour import errors
from parlour.api.collection import Call, Singleton
from parlour.resources.conversations import Conversation, find_conversation
from parlour.resources.messages import find_path_message
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_options import Hidden
from parlour.wire.field_types import FieldType, JsonObject, Text
from parlour.wire.resource import Resource
from parlour.wire.texts import BadText, read_json

MAX_BYTES = 16_384


class MetadataParameter(msgspec.Struct):
    """The parameter's JSON: `{"type": "whatsapp", "data": {…}}`."""

    type: str
    data: dict[str, Any]


def read_metadata(raw: str) -> tuple[str, dict[str, Any]]:
    """Return the type and the data. Raises ValueError."""
    if len(raw.encode()) > MAX_BYTES:
        raise ValueError(f"must be at most {MAX_BYTES} bytes")
    try:
        read = read_json(raw, MetadataParameter)
    except BadText as reason:
        raise ValueError(f'must be {{"type": "…", "data": {{…}}}}: it {reason}') from None
    return read.type, read.data


METADATA = FieldType(read_metadata, {"type": "string", "maxLength": MAX_BYTES})


class ChannelMetadata(Resource, frozen=True):
    """The metadata of one message, whose SID is `sid`."""

    table: ClassVar = "channel_metadata"
    key: ClassVar = ("conversation_sid", "sid")
    part_of: ClassVar = Conversation
    depth: ClassVar = 2

    sid: Hidden[sids.Message]
    conversation_sid: Hidden[sids.Conversation]
    type: Text
    data: JsonObject


channel_metadata = Singleton(
    ChannelMetadata,
    "/Conversations/{ConversationSid}/Messages/{MessageSid}/ChannelMetadata",
    key="channel_metadata",
    parent=find_conversation,
)


@channel_metadata.fetch()
def fetch_channel_metadata(tx: Transaction, call: Call) -> ChannelMetadata:
    message = find_path_message(tx, call)
    metadata = tx.find(ChannelMetadata, conversation_sid=message.conversation_sid, sid=message.sid)
    if metadata is None:
        raise errors.CHANNEL_METADATA_NOT_FOUND()
    return metadata


def store_metadata(
    tx: Transaction, conversation_sid: str, message_sid: str, kind: str, data: dict[str, Any]
) -> None:
    """Store the metadata of a message; it replaces any that was stored before."""
    written = msgspec.json.encode(data).decode()
    known = tx.find(ChannelMetadata, conversation_sid=conversation_sid, sid=message_sid)
    if known is not None:
        tx.update(known, type=kind, data=written)
        return
    tx.insert(ChannelMetadata(sid=message_sid, conversation_sid=conversation_sid, type=kind, data=written))
