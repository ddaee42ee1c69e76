"""Attachments: the rows of media, how a message takes them, and how they go with what holds them."""

from collections.abc import Iterable
from typing import Annotated, ClassVar, Protocol

import msgspec

from parlour import errors
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_options import Hidden
from parlour.wire.field_types import FieldType, Integer, Text, Timestamp, show_microsecond
from parlour.wire.resource import Computed, Resource

MAX_MEDIA = 10

OF_MESSAGE = """UPDATE media SET date_deleted = ?
WHERE date_deleted IS NULL AND channel_sid = ? AND message_sid = ?"""

MediaDate = Annotated[int, FieldType(int, {"type": "string", "format": "date-time"}, show_microsecond)]


def media_path(service_sid: str, sid: str) -> str:
    return f"/v1/Services/{service_sid}/Media/{sid}"


class Media(Resource, frozen=True):
    """Its body has dates and relative links of its own (contract: messages.md §5)."""

    table: ClassVar = "media"
    locked: ClassVar = True
    owners: ClassVar = {"services": "service_sid"}
    shows_url: ClassVar = False

    sid: sids.Media
    account_sid: Hidden[sids.Account]
    service_sid: sids.Service
    date_created: MediaDate
    date_upload_updated: MediaDate
    date_updated: MediaDate
    size: Integer | None = None
    sha256: Hidden[Text | None] = None
    content_type: Text = "application/octet-stream"
    filename: Text | None = None
    author: Text = "system"
    category: Text = "media"
    message_sid: sids.Message | None = None
    channel_sid: sids.Conversation | None = None
    date_deleted: Hidden[Timestamp | None] = None

    @Computed(type="boolean")
    def is_multipart_upstream(self) -> bool:
        return False

    @Computed(type="string")
    def url(self) -> str:
        return self.path

    @property
    def path(self) -> str:
        return media_path(self.service_sid, self.sid)

    @property
    def is_visible(self) -> bool:
        return self.size is not None and self.date_deleted is None


class Holder(Protocol):
    """A conversation, as far as media are concerned."""

    @property
    def sid(self) -> str: ...
    @property
    def account_sid(self) -> str: ...
    @property
    def chat_service_sid(self) -> str: ...


def read_media_sids(raw: list[str]) -> tuple[str, ...]:
    """SIDs of media, up to ten; one that is sent twice counts once."""
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


def find_sendable(tx: Transaction, conversation: Holder, media_sids: Iterable[str]) -> list[Media]:
    """The media with these SIDs: of the conversation's account and service, and sent with no message yet."""
    return [find_one_sendable(tx, conversation, sid) for sid in media_sids]


def find_one_sendable(tx: Transaction, conversation: Holder, sid: str) -> Media:
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


def listed(chosen: list[Media]) -> str | None:
    """What a message shows of its media."""
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


def unlisted(shown: str | None, sid: str) -> str | None:
    """`shown` without the media `sid`."""
    rest = [each for each in msgspec.json.decode(shown or "[]") if each["sid"] != sid]
    return msgspec.json.encode(rest).decode() if rest else None


def discard_media_of_message(tx: Transaction, conversation_sid: str, message_sid: str) -> None:
    """To be followed by the deletion of the message, which forgets what was found of media."""
    tx.execute(OF_MESSAGE, tx.now, conversation_sid, message_sid)
