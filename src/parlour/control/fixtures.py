"""Fixtures: services, conversations, participants and messages from one document, by the usual handlers."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from parlour import errors
from parlour.api.collection import Call, Collection
from parlour.errors import ApiError
from parlour.resources.conversations import conversations
from parlour.resources.messages import messages
from parlour.resources.participants import participants
from parlour.resources.services import services
from parlour.store import Transaction
from parlour.store.tombstones import is_taken
from parlour.wire.marks import On
from parlour.wire.resource import accepted_fields, read_form
from parlour.wire.sids import sid


@dataclass(frozen=True)
class Level:
    """A list of the document: what it makes, and which lists may be in its items."""

    collection: Collection
    prefix: str
    below: tuple[str, ...] = ()

    def create(self, tx: Transaction, call: Call) -> Any:
        [operation] = [each for each in self.collection.operations if On.CREATE in each.accepts]
        return operation.handler(tx, call)


LEVELS = {
    "services": Level(services, "IS", ("conversations",)),
    "conversations": Level(conversations, "CH", ("participants", "messages")),
    "participants": Level(participants, "MB"),
    "messages": Level(messages, "IM"),
}
AT_THE_TOP = ("services", "conversations")

Make = Callable[[str, str | None, dict[str, str], dict[str, Any]], Call]


def load(tx: Transaction, make_call: Make, document: Any) -> dict[str, Any]:
    """The SIDs of what was made, in the document's own shape; all of it is made or nothing."""
    return Loader(tx, make_call).load_all(document, AT_THE_TOP, "the document", None, {})


class Loader:
    def __init__(self, tx: Transaction, make_call: Make) -> None:
        self._tx, self._make_call = tx, make_call

    def load_all(
        self, item: Any, lists: tuple[str, ...], where: str, service: str | None, path: dict[str, str]
    ) -> dict[str, Any]:
        if not isinstance(item, dict):
            raise errors.INVALID_REQUEST(reason=f"{where} must be a mapping")
        made: dict[str, Any] = {}
        for name in lists:
            if name in item:
                made[name] = [
                    self._load(LEVELS[name], each, f"{name}[{n}]", service, path)
                    for n, each in enumerate(listed(item[name], f"{name} of {where}"))
                ]
        unknown = set(item) - set(lists) if lists == AT_THE_TOP else set()
        if unknown:
            raise errors.INVALID_REQUEST(reason=f"{where} has no {min(unknown, key=str)}")
        return made

    def _load(
        self, level: Level, item: Any, where: str, service: str | None, path: dict[str, str]
    ) -> dict[str, Any]:
        if not isinstance(item, dict):
            raise errors.INVALID_REQUEST(reason=f"{where} must be a mapping")
        own = {name: value for name, value in item.items() if name not in level.below}
        try:
            row = self._create(level, own, service, path)
        except (ApiError, ValueError) as error:
            raise errors.INVALID_REQUEST(reason=f"{where}: {error}") from None
        if level.prefix == "IS":
            service = row.sid
        below = self.load_all(item, level.below, where, service, path | {"ConversationSid": row.sid})
        return {"sid": row.sid, **below}

    def _create(self, level: Level, own: dict[str, Any], service: str | None, path: dict[str, str]) -> Any:
        form = {name: value for name, value in own.items() if name != "sid"}
        resource = level.collection.resource
        changes = read_form(resource, written(resource, form), On.CREATE)
        call = self._make_call(level.collection.path, service, path, changes)
        if "sid" not in own:
            return level.create(self._tx, call)
        given = sid(level.prefix).read(str(own["sid"]))
        if is_taken(self._tx, resource, **key_of(resource, given, path)):
            raise errors.CONFLICT(reason=f"{given} exists")
        new_sid, self._tx.new_sid = self._tx.new_sid, lambda _: given
        try:
            return level.create(self._tx, call)
        finally:
            self._tx.new_sid = new_sid


def key_of(resource: Any, given: str, path: dict[str, str]) -> dict[str, str]:
    return (
        {"sid": given}
        if len(resource.key) == 1
        else {"conversation_sid": path["ConversationSid"], "sid": given}
    )


def listed(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise errors.INVALID_REQUEST(reason=f"{where} must be a list")
    return value


def written(resource: Any, form: dict[str, Any]) -> dict[str, str]:
    """The form with names as on the wire, from `FriendlyName`, `friendly_name` or `timers_inactive`."""
    known = {plain(name): name for name in accepted_fields(resource, On.CREATE)}
    found = {}
    for name, value in form.items():
        if plain(name) not in known:
            raise errors.INVALID_REQUEST(reason=f"there is no field {name}")
        if value is not None:
            found[known[plain(name)]] = as_text(value)
    return found


def plain(name: str) -> str:
    return str(name).replace("_", "").replace(".", "").lower()


def as_text(value: Any) -> str:
    if isinstance(value, dict | list | bool):
        return json.dumps(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    return value.isoformat() if isinstance(value, datetime) else str(value)
