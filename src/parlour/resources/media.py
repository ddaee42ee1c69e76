"""Media: files that are uploaded first, and sent with a message then."""

from typing import Any

from parlour.api.streams import Asked, Files
from parlour.api.uploads import Upload
from parlour.resources.attachments import Media, unlisted
from parlour.resources.messages import Message
from parlour.resources.services import Service
from parlour.store import Transaction
from parlour.store.statements import CONVERSATION_EXISTS
from parlour.wire.resource import render

MAX_IN_SET = 100


def begin_upload(tx: Transaction, asked: Asked) -> Media:
    """The row that the bytes will belong to: it is there before the first of them."""
    service = tx.find(Service, sid=asked.service_sid)
    if service is None or asked.account_sid is None or service.account_sid != asked.account_sid:
        raise asked.not_found()
    return tx.insert(
        Media(
            sid=tx.new_sid("ME"),
            account_sid=asked.account_sid,
            service_sid=service.sid,
            date_created=tx.now,
            date_upload_updated=tx.now,
            date_updated=tx.now,
        )
    )


def finish_upload(tx: Transaction, asked: Asked, sid: str, upload: Upload) -> Media:
    media = tx.find(Media, sid=sid)
    if media is None or media.date_deleted is not None:
        raise asked.not_found()
    return tx.update(
        media,
        size=upload.written.size,
        sha256=upload.written.sha256,
        content_type=upload.content_type,
        filename=upload.filename,
        author=upload.author or media.author,
        category=upload.category,
        date_upload_updated=tx.now,
    )


def forget_upload(tx: Transaction, sid: str) -> None:
    media = tx.find(Media, sid=sid)
    if media is not None:
        tx.delete(media)


def find_media(tx: Transaction, asked: Asked) -> Media:
    media = find_one(tx, asked, asked.sid)
    if media is None:
        raise asked.not_found()
    return media


def find_many_media(tx: Transaction, asked: Asked, sids: list[str]) -> list[Media | None]:
    return [find_one(tx, asked, sid) for sid in sids]


def find_one(tx: Transaction, asked: Asked, sid: str) -> Media | None:
    media = tx.find(Media, sid=sid)
    if media is None or not media.is_visible or media.service_sid != asked.service_sid:
        return None
    # Rows of media are spread by their own SIDs, so it is no condition of the statement that finds them.
    if media.channel_sid is not None and not tx.select(CONVERSATION_EXISTS, media.channel_sid):
        return None
    return media if asked.account_sid in (None, media.account_sid) else None


def delete_media(tx: Transaction, asked: Asked) -> None:
    """Its bytes go with the next purge; a message that it was sent with shows it no more."""
    media = find_media(tx, asked)
    tx.update(media, date_deleted=tx.now)
    if media.message_sid is not None:
        message = tx.find(Message, conversation_sid=media.channel_sid, sid=media.message_sid)
        if message is not None:
            tx.update(message, media=unlisted(message.media, media.sid))


def show_media(media: Media, signed_link: str | None) -> dict[str, Any]:
    links = {"content": f"{media.path}/Content"}
    if signed_link is not None:
        links["content_direct_temporary"] = signed_link
    return render(media, "", in_service=True) | {"links": links}


media = Files(
    "/Media",
    Media,
    begin=begin_upload,
    finish=finish_upload,
    forget=forget_upload,
    find=find_media,
    find_many=find_many_media,
    delete=delete_media,
    show=show_media,
    max_together=MAX_IN_SET,
)
