"""Attachments: the media of a message, from the request that creates it to its deletion."""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from parlour import errors
from parlour.resources.conversations import Conversation
from parlour.resources.media import Media
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_types import FieldType, show_json

MAX_MEDIA = 10

DISCARD_MEDIA_OF_MESSAGE = """UPDATE media SET date_deleted = ?
WHERE date_deleted IS NULL AND channel_sid = ? AND message_sid = ?"""


def read_media_sids(raw: list[str]) -> tuple[str, ...]:
    """Read the SIDs of up to ten media; a SID that is sent twice counts once."""
    if not all(sids.is_media_sid(each) for each in raw):
        raise errors.INVALID_MEDIA_SID()
    chosen = tuple(dict.fromkeys(raw))
    if len(chosen) > MAX_MEDIA:
        raise ValueError(f"must be at most {MAX_MEDIA}")
    return chosen


MediaSids = Annotated[
    tuple[str, ...],
    FieldType(
        read_media_sids,
        {
            "type": "array",
            "items": {"type": "string", "pattern": sids.sid_pattern("ME")},
            "maxItems": MAX_MEDIA,
        },
        repeated=True,
    ),
]


SHOWN_MEMBERS = {
    "category": {"type": "string"},
    "filename": {"type": ["string", "null"]},
    "size": {"type": "integer"},
    "content_type": {"type": "string"},
    "sid": {"type": "string", "pattern": sids.sid_pattern("ME")},
}
SHOWN = {
    "type": "object",
    "properties": SHOWN_MEMBERS,
    "required": list(SHOWN_MEMBERS),
    "additionalProperties": False,
}
MediaList = Annotated[str, FieldType(str, {"type": "array", "items": SHOWN}, show_json)]


def find_sendable(tx: Transaction, conversation: Conversation, media_sids: Iterable[str]) -> list[Media]:
    """Return the media with these SIDs, none of which was sent with a message yet.

    Raises MEDIA_NOT_FOUND for one of another account or service, and MEDIA_ALREADY_SENT.
    """
    return [find_one_sendable(tx, conversation, sid) for sid in media_sids]


def find_one_sendable(tx: Transaction, conversation: Conversation, sid: str) -> Media:
    media = tx.find(Media, sid=sid)
    if (
        media is None
        or not media.is_visible
        or media.account_sid != conversation.account_sid
        or media.service_sid != conversation.chat_service_sid
    ):
        raise errors.MEDIA_NOT_FOUND()
    if media.message_sid is not None:
        raise errors.MEDIA_ALREADY_SENT()
    return media


def attach(tx: Transaction, chosen: list[Media], conversation_sid: str, message_sid: str) -> None:
    for media in chosen:
        tx.update(media, message_sid=message_sid, channel_sid=conversation_sid, date_updated=tx.now)


def encode_media(chosen: list[Media]) -> str | None:
    """Return the `media` of a message as JSON; None without media."""
    shown = [
        {
            "category": media.category,
            "filename": media.filename,
            "size": media.size,
            "content_type": media.content_type,
            "sid": media.sid,
        }
        for media in chosen
    ]
    return msgspec.json.encode(shown).decode() if shown else None


def without_medium(shown: str | None, sid: str) -> str | None:
    """Return the `media` of a message without the one that has this SID."""
    rest = [each for each in msgspec.json.decode(shown or "[]") if each["sid"] != sid]
    return msgspec.json.encode(rest).decode() if rest else None


def discard_media_of_message(tx: Transaction, conversation_sid: str, message_sid: str) -> None:
    """Mark the media of a message as deleted. The caller deletes the message afterwards.

    The deletion also drops the rows of media that the transaction has found, which are outdated now.
    """
    tx.execute(DISCARD_MEDIA_OF_MESSAGE, tx.now, conversation_sid, message_sid)
