"""Media: files that are uploaded first, and sent with a message then."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar

import msgspec

from parlour.api.body import AS_JSON
from parlour.api.collection import IN_SERVICE, Call, Caller, FileCollection
from parlour.resources.accounts import as_caller, find_account
from parlour.resources.attachments import Media, unlisted
from parlour.resources.messages import Message
from parlour.resources.services import Service, find_service
from parlour.store import Transaction
from parlour.store.statements import CONVERSATION_EXISTS
from parlour.wire import sids
from parlour.wire.field_options import Creatable, Hidden, Required, WireName
from parlour.wire.field_types import FieldType
from parlour.wire.resource import Parameters, Resource
from parlour.wire.texts import read_json

MAX_IN_SET = 100


def find_owner(tx: Transaction, service_sid: str) -> Caller | None:
    """Return the account of a service, in whose name a link to content speaks; None if it is gone."""
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
    """Complete the row, once its bytes are stored."""
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


@media.delete()
def delete_media(tx: Transaction, call: Call) -> None:
    """Its bytes go with the next purge; a message that it was sent with shows it no more."""
    media = fetch_media(tx, call)
    tx.update(media, date_deleted=tx.now)
    if media.message_sid is not None:
        message = tx.find(Message, conversation_sid=media.channel_sid, sid=media.message_sid)
        if message is not None:
            tx.update(message, media=unlisted(message.media, media.sid))


def find_media(tx: Transaction, sid: str) -> Media | None:
    media = tx.find(Media, sid=sid)
    if media is None or not media.is_visible:
        return None
    # Rows of media are spread by their own SIDs, so the conversation is no condition of the statement
    # that finds them.
    if media.channel_sid is not None and not tx.select(CONVERSATION_EXISTS, media.channel_sid):
        return None
    return media


class SetMember(msgspec.Struct, frozen=True):
    media_sid: str


def read_command(raw: str) -> str:
    if read_json(raw, str) != "get":
        raise ValueError("must be get")
    return "get"


def read_members(raw: str) -> tuple[str, ...]:
    members = read_json(raw, list[SetMember])
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


class SetParameters(Parameters, frozen=True):
    command: Required[Creatable[Command]] = ""
    list: Required[Creatable[Members]] = ()


class MediaSet(Resource, frozen=True):
    """Many media at once: `{"command": "get", "list": [{"media_sid": "ME…"}]}`. It has no row."""

    table: ClassVar = "media"
    unstored: ClassVar = SetParameters

    sid: Hidden[sids.Media]


Found = Sequence[tuple[str, Media | None]]


def arrange_set(found: Found, show: Callable[[Media], dict[str, Any]]) -> list[dict[str, Any]]:
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
def get_media_set(tx: Transaction, call: Call) -> Found:
    return [(sid, find_media(tx, sid)) for sid in call.changes["list"]]
