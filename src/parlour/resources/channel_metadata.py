"""Channel metadata: what another channel told of a message beyond its text."""

from typing import ClassVar

from parlour import errors
from parlour.api.collection import Call, Singleton
from parlour.resources.conversations import Conversation, find_conversation
from parlour.resources.messages import find_path_message
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.kinds import JsonObject, Text
from parlour.wire.marks import Hidden
from parlour.wire.resource import Resource


class ChannelMetadata(Resource, frozen=True):
    """`sid` is the message's."""

    table: ClassVar = "channel_metadata"
    key: ClassVar = ("conversation_sid", "sid")
    part_of: ClassVar = Conversation

    sid: Hidden[sids.Message]
    conversation_sid: Hidden[sids.Conversation]
    type: Text
    data: JsonObject


channel_metadata = Singleton(
    ChannelMetadata,
    "/Conversations/{ConversationSid}/Messages/{MessageSid}/ChannelMetadata",
    key="channel_metadata",
    within=find_conversation,
)


@channel_metadata.fetch()
def fetch_channel_metadata(tx: Transaction, call: Call) -> ChannelMetadata:
    message = find_path_message(tx, call)
    metadata = tx.find(ChannelMetadata, conversation_sid=message.conversation_sid, sid=message.sid)
    if metadata is None:
        raise errors.CHANNEL_METADATA_NOT_FOUND()
    return metadata
