"""Channel metadata: what another channel told of a message beyond its text."""

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


class Told(msgspec.Struct):
    """`{"type": "whatsapp", "data": {…}}`."""

    type: str
    data: dict[str, Any]


def read_metadata(raw: str) -> tuple[str, dict[str, Any]]:
    """The type and the data of a JSON object."""
    if len(raw.encode()) > MAX_BYTES:
        raise ValueError(f"must be at most {MAX_BYTES} bytes")
    try:
        told = read_json(raw, Told)
    except BadText as reason:
        raise ValueError(f'must be {{"type": "…", "data": {{…}}}}: it {reason}') from None
    return told.type, told.data


METADATA = FieldType(read_metadata, {"type": "string", "maxLength": MAX_BYTES})


class ChannelMetadata(Resource, frozen=True):
    """`sid` is the message's."""

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


def keep_metadata(
    tx: Transaction, conversation_sid: str, message_sid: str, kind: str, data: dict[str, Any]
) -> None:
    """Write down what a channel told; what it told before is replaced."""
    written = msgspec.json.encode(data).decode()
    known = tx.find(ChannelMetadata, conversation_sid=conversation_sid, sid=message_sid)
    if known is not None:
        tx.update(known, type=kind, data=written)
        return
    tx.insert(ChannelMetadata(sid=message_sid, conversation_sid=conversation_sid, type=kind, data=written))
