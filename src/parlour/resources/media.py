"""Media: files, which are uploaded first and sent with a message later."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar

import msgspec

from parlour.api.body import AS_JSON
from parlour.api.collection import IN_SERVICE, Call, Caller, FileCollection
from parlour.resources.accounts import as_caller, find_account
from parlour.resources.services import Service, find_service
from parlour.store import Transaction
from parlour.store.statements import CONVERSATION_EXISTS
from parlour.wire import sids
from parlour.wire.field_options import Creatable, Hidden, Required, WireName
from parlour.wire.field_types import FieldType, Integer, Text, Timestamp, show_microsecond
from parlour.wire.resource import Computed, Parameters, Resource
from parlour.wire.texts import read_json

MAX_IN_SET = 100


MediaDate = Annotated[int, FieldType(int, {"type": "string", "format": "date-time"}, show_microsecond)]


def media_path(service_sid: str, sid: str) -> str:
    return f"/v1/Services/{service_sid}/Media/{sid}"


class Media(Resource, frozen=True):
    """A file; its body has other dates than those of other resources, and relative links (messages.md §5)."""

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


def find_owner(tx: Transaction, service_sid: str) -> Caller | None:
    """Return the account of a service as the caller of a signed link; None if it was deleted."""
    service = tx.find(Service, sid=service_sid)
    account = None if service is None else find_account(tx, service.account_sid)
    return None if account is None else as_caller(account)


media = FileCollection(
    Media, "/Media", key="media", parent=find_service, prefixes=(IN_SERVICE,), owner=find_owner
)


def begin_upload(tx: Transaction, call: Call) -> Media:
    return tx.insert(
        Media(
            sid=tx.new_sid("ME"),
            account_sid=call.account_sid,
            service_sid=call.service_sid,
            date_created=tx.now,
            date_upload_updated=tx.now,
            date_updated=tx.now,
        )
    )


def forget_upload(tx: Transaction, sid: str) -> None:
    media = tx.find(Media, sid=sid)
    if media is not None:
        tx.delete(media)


@media.upload(begin=begin_upload, forget=forget_upload)
def upload_media(tx: Transaction, call: Call) -> Media:
    """Complete the row after its bytes were stored."""
    media = tx.find(Media, sid=call.changes["sid"])
    if media is None or media.date_deleted is not None:
        raise call.not_found()
    return tx.update(media, **call.changes, date_upload_updated=tx.now)


@media.fetch()
def fetch_media(tx: Transaction, call: Call) -> Media:
    media = find_media(tx, call.path["Sid"])
    if media is None:
        raise call.not_found()
    return media


@media.content()
def fetch_media_content(tx: Transaction, call: Call) -> Media:
    return fetch_media(tx, call)


# DELETE is in messages.py: it also changes the message that the file was sent with.


def find_media(tx: Transaction, sid: str) -> Media | None:
    media = tx.find(Media, sid=sid)
    if media is None or not media.is_visible:
        return None
    # Rows of media are distributed by their own SIDs, so the statement that finds them cannot join the
    # conversation.
    if media.channel_sid is not None and not tx.select(CONVERSATION_EXISTS, media.channel_sid):
        return None
    return media


class MediaSetMember(msgspec.Struct, frozen=True):
    media_sid: str


def read_command(raw: str) -> str:
    if read_json(raw, str) != "get":
        raise ValueError("must be get")
    return "get"


def read_members(raw: str) -> tuple[str, ...]:
    members = read_json(raw, list[MediaSetMember])
    if len(members) > MAX_IN_SET:
        raise ValueError(f"must be at most {MAX_IN_SET} long")
    return tuple(member.media_sid for member in members)


MEMBER_SCHEMA = {
    "type": "object",
    "properties": {"media_sid": {"type": "string"}},
    "required": ["media_sid"],
}
MEMBERS_SCHEMA = {"type": "array", "items": MEMBER_SCHEMA, "maxItems": MAX_IN_SET}


Command = Annotated[str, FieldType(read_command, {"type": "string", "enum": ["get"]}), WireName("command")]
Members = Annotated[tuple[str, ...], FieldType(read_members, MEMBERS_SCHEMA), WireName("list")]


class MediaSetParameters(Parameters, frozen=True):
    command: Required[Creatable[Command]] = ""
    list: Required[Creatable[Members]] = ()


class MediaSet(Resource, frozen=True):
    """A request for many media: `{"command": "get", "list": [{"media_sid": "ME…"}]}`. It has no row."""

    table: ClassVar = "media"
    unstored: ClassVar = MediaSetParameters

    sid: Hidden[sids.Media]


FoundMedia = Sequence[tuple[str, Media | None]]


def arrange_set(found: FoundMedia, show: Callable[[Media], dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"code": 404, "media_sid": sid, "media_record": None}
        if media is None
        else {"code": 200, "media_record": show(media)}
        for sid, media in found
    ]


media_set = FileCollection(
    MediaSet,
    "/MediaSet",
    key="media",
    parent=find_service,
    prefixes=(IN_SERVICE,),
    encoding=AS_JSON,
    owner=find_owner,
)


@media_set.look_up(arrange_set)
def get_media_set(tx: Transaction, call: Call) -> FoundMedia:
    return [(sid, find_media(tx, sid)) for sid in call.changes["list"]]
