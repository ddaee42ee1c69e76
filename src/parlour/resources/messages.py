"""Messages: created in a conversation, in the order of their indexes."""

from typing import Annotated, Any, ClassVar

from parlour import errors
from parlour.api.collection import Call, Collection
from parlour.resources.attachments import (
    MediaList,
    MediaSids,
    attach,
    discard_media_of_message,
    encode_media,
    find_sendable,
    without_medium,
)
from parlour.resources.content import ContentSid, ContentVariables, render_content
from parlour.resources.conversations import (
    Conversation,
    find_conversation,
    find_open_conversation,
    touch_activity,
)
from parlour.resources.events import emit
from parlour.resources.media import fetch_media, media
from parlour.resources.participants import find_author
from parlour.resources.receipts import DeliverySummary, delivery_summary
from parlour.resources.recipients import ensure_author_belongs, recipients_of, send_to_recipients
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_options import Creatable, Hidden, InService, Personal, Sensitive, Writable
from parlour.wire.field_types import (
    DateCreated,
    DateUpdated,
    Integer,
    JsonObject,
    Text,
    choice,
    json_text,
    text,
)
from parlour.wire.paging import Page
from parlour.wire.resource import Parameters, Resource, stored_changes

SYSTEM = "system"

Attributes = Annotated[str, json_text(max_bytes=4_096)]
Author = Annotated[str, text(256, too_long=errors.AUTHOR_TOO_LONG)]
Subject = Annotated[str, text(256)]


class MessageParameters(Parameters, frozen=True):
    media_sid: Creatable[MediaSids | None] = None
    content_variables: Creatable[ContentVariables | None] = None


class Message(Resource, frozen=True):
    table: ClassVar = "messages"
    unstored: ClassVar[type[Parameters]] = MessageParameters
    key: ClassVar = ("conversation_sid", "sid")
    part_of: ClassVar = Conversation
    depth: ClassVar = 1
    link_names: ClassVar = {"delivery_receipts": "Receipts", "channel_metadata": "ChannelMetadata"}

    sid: sids.Message
    account_sid: sids.Account
    chat_service_sid: InService[sids.Service]
    conversation_sid: sids.Conversation
    index: Integer
    date_created: Writable[DateCreated]
    date_updated: Writable[DateUpdated | None] = None
    author: Personal[Writable[Author]] = SYSTEM
    participant_sid: sids.Participant | None = None
    body: Sensitive[Writable[Text | None]] = None
    subject: Hidden[Writable[Subject | None]] = None
    attributes: Sensitive[Writable[Attributes]] = "{}"
    media: Personal[MediaList | None] = None
    content_sid: Creatable[ContentSid | None] = None
    delivery: DeliverySummary | None = None
    content: Hidden[JsonObject | None] = None


messages = Collection(
    Message, "/Conversations/{ConversationSid}/Messages", key="messages", parent=find_conversation
)


@messages.create(before=["onMessageAdd"])
def create_message(tx: Transaction, call: Call) -> Message:
    conversation = find_open_conversation(tx, call)
    changes = call.changes | content_fields(tx, call)
    ensure_body_fits(call, changes)
    author = changes.get("author") or SYSTEM
    changes |= {"author": author, "participant_sid": find_author(tx, conversation, author)}
    ensure_author_belongs(tx, conversation, changes["participant_sid"])
    return add_message(tx, call, conversation, changes)


def add_message(
    tx: Transaction,
    call: Call,
    conversation: Conversation,
    changes: dict[str, Any],
    *,
    group_has_it: bool = False,
) -> Message:
    """Insert a message at the end of an open conversation, emit its event and enqueue its deliveries.

    `changes` include the author and the author's `participant_sid`, None if the author is no participant.
    With `group_has_it`, the message came as a group message and is not sent to the group's members again.
    """
    attached = find_sendable(tx, conversation, changes.get("media_sid") or ())
    recipients = recipients_of(tx, conversation, changes["participant_sid"], group_has_it=group_has_it)
    date_created = changes.get("date_created", tx.now)
    moments = {"date_created": date_created, "date_updated": call.profile.first_date_updated(date_created)}
    message = Message(
        sid=tx.new_sid("IM"),
        account_sid=conversation.account_sid,
        chat_service_sid=conversation.chat_service_sid,
        conversation_sid=conversation.sid,
        index=conversation.next_message_index,
        media=encode_media(attached),
        delivery=delivery_summary([None] * len(recipients)),
        **moments | stored_changes(Message, changes),
    )
    tx.insert(message)
    attach(tx, attached, conversation.sid, message.sid)
    touch_activity(tx, conversation, next_message_index=message.index + 1)
    emit(tx, call, "onMessageAdded", message, conversation)
    send_to_recipients(tx, conversation, message, recipients)
    return message


@messages.list(filters={"Order": choice("asc", "desc")})
def list_messages(tx: Transaction, call: Call) -> Page[Message]:
    """In the order of indexes, which is the order of commits."""
    where = [("conversation_sid", "=", find_conversation(tx, call).sid)]
    descending = call.paging.filters.get("Order") == "desc"
    return tx.page(Message, call.paging, where=where, by=("index",), descending=descending)


@messages.fetch()
def fetch_message(tx: Transaction, call: Call) -> Message:
    return find_message(tx, call, find_conversation(tx, call), call.path["Sid"])


@messages.update(before=["onMessageUpdate"])
def update_message(tx: Transaction, call: Call) -> Message:
    conversation = find_open_conversation(tx, call)
    message = find_message(tx, call, conversation, call.path["Sid"])
    if not call.changes:
        raise errors.NOTHING_TO_UPDATE()
    ensure_body_fits(call, call.changes)
    changes = {"date_updated": tx.now} | call.changes
    if "author" in changes:
        changes["author"] = changes["author"] or SYSTEM
        changes["participant_sid"] = find_author(tx, conversation, changes["author"])
        ensure_author_belongs(tx, conversation, changes["participant_sid"])
    updated = tx.update(message, **changes)
    emit(tx, call, "onMessageUpdated", updated, conversation)
    return updated


@messages.delete(before=["onMessageRemove"])
def delete_message(tx: Transaction, call: Call) -> Message:
    # Messages of a closed conversation can be deleted (contract: messages.md §1.5).
    conversation = find_conversation(tx, call)
    message = find_message(tx, call, conversation, call.path["Sid"])
    if message.media is not None:
        discard_media_of_message(tx, conversation.sid, message.sid)
    tx.delete(message)
    emit(tx, call, "onMessageRemoved", message, conversation, DateRemoved=tx.now)
    return message


@media.delete()
def delete_media(tx: Transaction, call: Call) -> None:
    """Mark a file as deleted, and remove it from its message; the next purge removes its bytes."""
    medium = fetch_media(tx, call)
    tx.update(medium, date_deleted=tx.now)
    if medium.channel_sid is not None:
        # Two files of one message may be deleted at the same time, by different processes.
        tx.lock_conversation(medium.channel_sid)
        message = tx.find(Message, conversation_sid=medium.channel_sid, sid=medium.message_sid)
        if message is not None:
            tx.update(message, media=without_medium(message.media, medium.sid))


def find_message(tx: Transaction, call: Call, conversation: Conversation, sid: str) -> Message:
    message = tx.find(Message, conversation_sid=conversation.sid, sid=sid)
    if message is None:
        raise call.not_found()
    return message


def find_path_message(tx: Transaction, call: Call) -> Message:
    """Return the message that `{MessageSid}` names. Raises 404/20404."""
    return find_message(tx, call, find_conversation(tx, call), call.path["MessageSid"])


def ensure_body_fits(call: Call, changes: dict[str, Any]) -> None:
    if changes.get("body") is not None:
        call.profile.ensure_body_fits(changes["body"])


def content_fields(tx: Transaction, call: Call) -> dict[str, Any]:
    """Return the fields of a message that is made from content. They replace those that were sent."""
    changes = call.changes
    if "content_sid" in changes:
        values = changes.get("content_variables", {})
        return {"media_sid": None, **render_content(tx, changes["content_sid"], values)}
    if "content_variables" in changes:
        raise errors.CONTENT_VARIABLES_WITHOUT_CONTENT()
    return {}
