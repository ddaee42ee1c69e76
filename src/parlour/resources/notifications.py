"""The push notifications of a service: which are sent, with which texts and sounds."""

from typing import Annotated, Any, ClassVar

from parlour import errors
from parlour.api.collection import IN_SERVICE, Call, Singleton
from parlour.resources.services import find_service
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_options import Hidden, WireName, Writable
from parlour.wire.field_types import Flag, text
from parlour.wire.resource import Computed, Resource

MAX_TEMPLATE_CHARACTERS = 2_048
MAX_SOUND_CHARACTERS = 256

Template = Annotated[str, text(MAX_TEMPLATE_CHARACTERS, errors.TEMPLATE_TOO_LONG)]
Sound = Annotated[str, text(MAX_SOUND_CHARACTERS, errors.SOUND_TOO_LONG)]


class Notifications(Resource, frozen=True):
    """A service's notifications; `sid` is the service's. Without a row, the defaults apply.

    Texts and sounds that were never set are left out of the body (contract: rest-of-api.md §3).
    """

    table: ClassVar = "notifications"
    owners: ClassVar = {"services": "chat_service_sid"}

    sid: Hidden[sids.Service]
    account_sid: sids.Account
    chat_service_sid: sids.Service
    log_enabled: Writable[Flag] = 0
    new_message_enabled: Hidden[Writable[Annotated[Flag, WireName("NewMessage.Enabled")]]] = 0
    new_message_template: Hidden[Writable[Annotated[Template | None, WireName("NewMessage.Template")]]] = None
    new_message_sound: Hidden[Writable[Annotated[Sound | None, WireName("NewMessage.Sound")]]] = None
    new_message_badge_count_enabled: Hidden[
        Writable[Annotated[Flag | None, WireName("NewMessage.BadgeCountEnabled")]]
    ] = None
    with_media_enabled: Hidden[Writable[Annotated[Flag | None, WireName("NewMessage.WithMedia.Enabled")]]] = (
        None
    )
    with_media_template: Hidden[
        Writable[Annotated[Template | None, WireName("NewMessage.WithMedia.Template")]]
    ] = None
    added_enabled: Hidden[Writable[Annotated[Flag, WireName("AddedToConversation.Enabled")]]] = 0
    added_template: Hidden[Writable[Annotated[Template | None, WireName("AddedToConversation.Template")]]] = (
        None
    )
    added_sound: Hidden[Writable[Annotated[Sound | None, WireName("AddedToConversation.Sound")]]] = None
    removed_enabled: Hidden[Writable[Annotated[Flag, WireName("RemovedFromConversation.Enabled")]]] = 0
    removed_template: Hidden[
        Writable[Annotated[Template | None, WireName("RemovedFromConversation.Template")]]
    ] = None
    removed_sound: Hidden[Writable[Annotated[Sound | None, WireName("RemovedFromConversation.Sound")]]] = None

    @Computed(type="object")
    def new_message(self) -> dict[str, Any]:
        with_media = set_only(enabled=as_flag(self.with_media_enabled), template=self.with_media_template)
        return set_only(
            enabled=bool(self.new_message_enabled),
            template=self.new_message_template,
            sound=self.new_message_sound,
            badge_count_enabled=as_flag(self.new_message_badge_count_enabled),
            with_media=with_media or None,
        )

    @Computed(type="object")
    def added_to_conversation(self) -> dict[str, Any]:
        return set_only(
            enabled=bool(self.added_enabled), template=self.added_template, sound=self.added_sound
        )

    @Computed(type="object")
    def removed_from_conversation(self) -> dict[str, Any]:
        return set_only(
            enabled=bool(self.removed_enabled), template=self.removed_template, sound=self.removed_sound
        )


notifications = Singleton(
    Notifications,
    "/Configuration/Notifications",
    key="notifications",
    parent=find_service,
    prefixes=(IN_SERVICE,),
)


@notifications.fetch()
def fetch_notifications(tx: Transaction, call: Call) -> Notifications:
    return tx.find(Notifications, sid=call.service_sid) or unset(call)


@notifications.update()
def update_notifications(tx: Transaction, call: Call) -> Notifications:
    if tx.find(Notifications, sid=call.service_sid) is None:
        tx.insert(unset(call))
    return tx.update(fetch_notifications(tx, call), **call.changes)


def unset(call: Call) -> Notifications:
    return Notifications(
        sid=call.service_sid, account_sid=call.account_sid, chat_service_sid=call.service_sid
    )


def set_only(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def as_flag(stored: int | None) -> bool | None:
    return None if stored is None else bool(stored)
