"""Inbound: messages from other channels, which go to the conversation that holds their addresses."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, cast

import msgspec

from parlour import errors
from parlour.api.collection import OURS, Call, Collection
from parlour.api.idempotency import IdempotencyKey, key_of
from parlour.resources.accounts import find_callers_account
from parlour.resources.addresses import find_group_holder, find_pair_holder
from parlour.resources.attachments import MAX_MEDIA
from parlour.resources.channel_metadata import METADATA, store_metadata
from parlour.resources.conversations import Conversation, ensure_open
from parlour.resources.messages import Message, add_message, ensure_body_fits, messages
from parlour.resources.participant_fields import MAX_ADDRESS_CHARACTERS
from parlour.resources.participants import Participant, find_author
from parlour.store import Transaction
from parlour.wire.channels import channel_of, is_address
from parlour.wire.field_options import Creatable, Personal, Required, WireName
from parlour.wire.field_types import FieldType, text
from parlour.wire.resource import Parameters
from parlour.wire.urls import is_http_url

MAX_URL_CHARACTERS = 2_048
MAX_MESSAGE_SID_CHARACTERS = 128
MAX_COUNT_DIGITS = 3
SID_NAME = "MessageSid"


def read_address(raw: str) -> str:
    if len(raw) > MAX_ADDRESS_CHARACTERS or not is_address(raw):
        raise errors.INVALID_BINDING_ADDRESS()
    return raw


def read_addresses(raw: list[str]) -> tuple[str, ...]:
    return tuple(map(read_address, raw))


def read_urls(raw: list[str]) -> tuple[str, ...]:
    urls = tuple(filter(None, raw))
    if len(urls) > MAX_MEDIA:
        raise ValueError(f"must be at most {MAX_MEDIA}")
    return tuple(map(read_url, urls))


def read_url(raw: str) -> str:
    if raw and (len(raw) > MAX_URL_CHARACTERS or not is_http_url(raw)):
        raise ValueError(f"must be http or https URLs of at most {MAX_URL_CHARACTERS} characters")
    return raw


def read_media_count(raw: str) -> int:
    if not (raw.isascii() and raw.isdecimal() and len(raw) <= MAX_COUNT_DIGITS and int(raw) <= MAX_MEDIA):
        raise ValueError(f"must be a number from 0 to {MAX_MEDIA}")
    return int(raw)


TEXTS = {"type": "array", "items": {"type": "string"}}
FromAddress = Annotated[str, FieldType(read_address, {"type": "string"}), WireName("From")]
ToAddresses = Annotated[tuple[str, ...], FieldType(read_addresses, TEXTS, repeated=True), WireName("To")]
MediaUrls = Annotated[tuple[str, ...], FieldType(read_urls, TEXTS | {"maxItems": MAX_MEDIA}, repeated=True)]


MediaUrl = Annotated[str, FieldType(read_url, {"type": "string"})]
MediaCount = Annotated[
    int, FieldType(read_media_count, {"type": "integer", "minimum": 0, "maximum": MAX_MEDIA})
]
MessageSid = Annotated[str, text(MAX_MESSAGE_SID_CHARACTERS)]


class InboundParameters(Parameters, frozen=True):
    from_address: Personal[Required[Creatable[FromAddress]]] = ""
    to_addresses: Personal[Required[Creatable[ToAddresses]]] = ()
    media_url: Creatable[MediaUrls | None] = None
    channel_metadata: Creatable[Annotated[tuple[str, dict[str, Any]] | None, METADATA]] = None
    message_sid: Creatable[MessageSid | None] = None
    num_media: Creatable[MediaCount | None] = None


# The original numbers the media in its own webhooks: MediaUrl0, MediaUrl1 and so on.
NUMBERED_URLS = tuple(f"media_url{number}" for number in range(MAX_MEDIA))
NumberedUrl = Creatable[MediaUrl | None]
WithNumberedUrls = cast(
    "type[InboundParameters]",
    msgspec.defstruct(
        "WithNumberedUrls",
        [(name, NumberedUrl, None) for name in NUMBERED_URLS],
        bases=(InboundParameters,),
        frozen=True,
    ),
)


class InboundMessage(Message, frozen=True):
    """The fields of a message that a channel may set. It cannot be made from content."""

    unstored: ClassVar = WithNumberedUrls
    accepts_only: ClassVar = frozenset(
        {"author", "body", "subject", "attributes", "date_created", "date_updated"}
    )


inbound = Collection(
    InboundMessage,
    "/Inbound",
    key="inbound",
    parent=find_callers_account,
    prefixes=(OURS,),
    shown_as=messages,
)


def locate(tx: Transaction, call: Call) -> Call:
    """Return the call with the service of the conversation, and the channel of the addresses as source.

    Its `media_url` holds the URLs of either form.
    """
    urls = media_urls(call.changes)
    conversation = find_holding_conversation(tx, call)
    return msgspec.structs.replace(
        call,
        changes=call.changes | {"media_url": urls},
        service_sid=conversation.chat_service_sid,
        source=channel_of(call.changes["from_address"]).upper(),
        fires=True,
    )


def media_urls(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the URLs of the media. Raises 400/20001 unless there are as many as NumMedia says."""
    numbered = tuple(filter(None, map(changes.get, NUMBERED_URLS)))
    count = changes.get("num_media")
    if count not in {None, len(numbered)}:
        reason = f"is {count}, but MediaUrl0 and so on are {len(numbered)}"
        raise errors.INVALID_PARAMETER(name="NumMedia", reason=reason)
    urls = (*(changes.get("media_url") or ()), *numbered)
    if len(urls) > MAX_MEDIA:
        raise errors.INVALID_PARAMETER(name="MediaUrl", reason=f"must be at most {MAX_MEDIA}")
    return urls


def find_key(call: Call) -> IdempotencyKey | None:
    """Return the key of a message that has a SID already: the original sends it with each repetition.

    Only the parameters that are read count. A repetition may have others, such as ErrorCode.
    """
    sid = call.changes.get("message_sid")
    if not sid:
        return None
    content = [call.resource_path, sorted(call.changes.items())]
    # No header can hold a line end, so none is the same key.
    return key_of(call.account_sid, f"{SID_NAME}\n{sid}", content, SID_NAME)


@inbound.receive(before=["onMessageAdd"], locate=locate, find_key=find_key)
def receive_message(tx: Transaction, call: Call) -> Message:
    conversation = ensure_open(tx, find_holding_conversation(tx, call))
    ensure_body_fits(call, call.changes)
    author = call.changes.get("author") or call.changes["from_address"]
    fields = {"author": author, "participant_sid": find_author_sid(tx, conversation, call, author)}
    message = add_message(tx, call, conversation, call.changes | fields, group_has_it=is_group_message(call))
    metadata = call.changes.get("channel_metadata")
    if metadata is not None:
        store_metadata(tx, conversation.sid, message.sid, *metadata)
    return message


def is_group_message(call: Call) -> bool:
    return len(call.changes["to_addresses"]) > 1


def find_holding_conversation(tx: Transaction, call: Call) -> Conversation:
    """Return the open conversation that holds the pair or the group's addresses. Raises 404/50350."""
    sender, to = call.changes["from_address"], call.changes["to_addresses"]
    find = find_group_holder if is_group_message(call) else find_pair_holder
    sid = find(tx, call.account_sid, sender, *to)
    conversation = None if sid is None else tx.find(Conversation, sid=sid)
    if conversation is None:
        raise errors.NO_CONVERSATION_HOLDS()
    return conversation


def find_author_sid(tx: Transaction, conversation: Conversation, call: Call, author: str) -> str | None:
    """Return the SID of the author. If several participants have the address, it is the one of this pair."""
    sender, to = call.changes["from_address"], call.changes["to_addresses"]
    if author == sender and not is_group_message(call):
        of_pair = {"address": sender, "proxy_address": to[0]}
        found = tx.find(Participant, conversation_sid=conversation.sid, **of_pair)
        if found is not None:
            return found.sid
    return find_author(tx, conversation, author)
