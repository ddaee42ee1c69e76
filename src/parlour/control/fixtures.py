"""Fixtures: services, conversations, participants and messages, created from one document by handlers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from parlour import errors
from parlour.api.collection import Call, Collection, in_scope
from parlour.control.documents import as_json
from parlour.errors import ApiError
from parlour.resources.conversations import conversations
from parlour.resources.messages import messages
from parlour.resources.participants import participants
from parlour.resources.services import services
from parlour.store import Transaction
from parlour.store.tombstones import is_taken
from parlour.wire.field_options import AcceptedOn
from parlour.wire.field_types import DATE
from parlour.wire.resource import Field, accepted_fields, read_form
from parlour.wire.sids import sid
from parlour.wire.texts import shortened


@dataclass(frozen=True)
class Level:
    """A list of the document: the resources that it creates, and the lists that its items may contain."""

    collection: Collection
    prefix: str
    below: tuple[str, ...] = ()

    def create(self, tx: Transaction, call: Call) -> Any:
        [operation] = [each for each in self.collection.operations if AcceptedOn.CREATE in each.accepts]
        return operation.handler(tx, call)


LEVELS = {
    "services": Level(services, "IS", ("conversations",)),
    "conversations": Level(conversations, "CH", ("participants", "messages")),
    "participants": Level(participants, "MB"),
    "messages": Level(messages, "IM"),
}
TOP_LEVEL = ("services", "conversations")

# Makes the call of a handler: from the path, the service's SID, the parameters in the path and the changes.
MakeCall = Callable[[str, str | None, dict[str, str], dict[str, Any]], Call]
Reserve = Callable[[str], None]


def load(tx: Transaction, make_call: MakeCall, reserve: Reserve, document: Any) -> dict[str, Any]:
    """Create everything in the document, or nothing; return the new SIDs in the shape of the document.

    `reserve` is called with each SID in the document, so that the source of SIDs never returns it.
    """
    return FixtureLoader(tx, make_call, reserve).load_all(document, TOP_LEVEL, "the document", None, {})


class FirstSid:
    """A source of SIDs that returns `given` once, for a SID of the same prefix; then those of `source`.

    Creating a message also creates receipts and deliveries, which have SIDs of their own.
    """

    def __init__(self, given: str, source: Callable[[str], str]) -> None:
        self._given: str | None = given
        self._source = source

    def __call__(self, prefix: str) -> str:
        given = self._given
        if given is not None and given.startswith(prefix):
            self._given = None
            return given
        return self._source(prefix)


class FixtureLoader:
    def __init__(self, tx: Transaction, make_call: MakeCall, reserve: Reserve) -> None:
        self._tx, self._make_call, self._reserve = tx, make_call, reserve

    def load_all(
        self, item: Any, lists: tuple[str, ...], where: str, service: str | None, path: dict[str, str]
    ) -> dict[str, Any]:
        if not isinstance(item, dict):
            raise errors.INVALID_REQUEST(reason=f"{where} must be a mapping")
        created: dict[str, Any] = {}
        for name in lists:
            if name in item:
                created[name] = [
                    self._load(LEVELS[name], each, f"{name}[{n}]", service, path)
                    for n, each in enumerate(ensure_list(item[name], f"{name} of {where}"))
                ]
        unknown = set(item) - set(lists) if lists == TOP_LEVEL else set()
        if unknown:
            raise errors.INVALID_REQUEST(reason=f"{where} has no {shortened(min(unknown))}")
        return created

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
        changes = read_form(resource, form_of(resource, form), AcceptedOn.CREATE)
        call = self._make_call(level.collection.path, service, path, changes)
        if own.get("sid") is None:
            return in_scope(level.create, self._tx, call)
        given = sid(level.prefix).read(as_text(own["sid"]))
        if is_taken(self._tx, resource, **key_of(resource, given, path)):
            raise errors.CONFLICT(reason=f"{given} exists")
        self._reserve(given)
        new_sid = self._tx.new_sid
        self._tx.new_sid = FirstSid(given, new_sid)
        try:
            return in_scope(level.create, self._tx, call)
        finally:
            self._tx.new_sid = new_sid


def key_of(resource: Any, given: str, path: dict[str, str]) -> dict[str, str]:
    return (
        {"sid": given}
        if len(resource.key) == 1
        else {"conversation_sid": path["ConversationSid"], "sid": given}
    )


def ensure_list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise errors.INVALID_REQUEST(reason=f"{where} must be a list")
    return value


def form_of(resource: Any, form: dict[str, Any]) -> dict[str, str | list[str]]:
    """Return the parameters of a request. Accepts `FriendlyName`, `friendly_name` and `timers_inactive`."""
    accepted = accepted_fields(resource, AcceptedOn.CREATE)
    known = {normalised_name(name): name for name in accepted}
    found: dict[str, str | list[str]] = {}
    for name, value in form.items():
        if normalised_name(name) not in known:
            raise errors.INVALID_REQUEST(reason=f"there is no field {shortened(name)}")
        if value is not None:
            wire_name = known[normalised_name(name)]
            found[wire_name] = as_parameter(accepted[wire_name], value)
    return found


def normalised_name(name: str) -> str:
    return name.replace("_", "").replace(".", "").lower()


def as_parameter(field: Field, value: Any) -> str | list[str]:
    if field.type.repeated and isinstance(value, list):
        return [as_text(each) for each in value]
    text = as_text(value)
    # A fixture may give a day without a time: it means midnight.
    is_day = field.type.schema.get("format") == "date-time" and DATE.fullmatch(text)
    return f"{text}T00:00:00" if is_day else text


def as_text(value: Any) -> str:
    return str(value) if isinstance(value, str) else as_json(value)
