"""Conversations that are created together with their participants, in one request and one transaction."""

from typing import Annotated, Any, ClassVar

import msgspec

from parlour import errors
from parlour.api.collection import Call, Collection
from parlour.errors import ApiError
from parlour.resources.conversations import Conversation, conversations, create_conversation
from parlour.resources.participants import Participant, create_participant
from parlour.resources.services import find_service
from parlour.store import Transaction
from parlour.wire.field_options import AcceptedOn, Creatable, Sensitive, WireName
from parlour.wire.field_types import FieldType
from parlour.wire.resource import Parameters, pascal_case, read_form
from parlour.wire.texts import BadText, read_json

MAX_PARTICIPANTS = 10
BINDING = "messaging_binding"


def read_participants(raw: list[str]) -> tuple[dict[str, Any], ...]:
    """Read participants, each a JSON object, into the changes of their creation. Raises ApiError."""
    if len(raw) > MAX_PARTICIPANTS:
        raise errors.TOO_MANY_IN_ONE_REQUEST()
    return tuple(read_form(Participant, read_parameters(each), AcceptedOn.CREATE) for each in raw)


def read_parameters(raw: str) -> dict[str, str]:
    """Return the parameters of a participant: `messaging_binding.address` is MessagingBinding.Address.

    The members may also have the names of the parameters.
    """
    try:
        members = read_json(raw)
    except BadText:
        raise errors.INVALID_PARTICIPANT() from None
    if not isinstance(members, dict):
        raise errors.INVALID_PARTICIPANT()
    binding = members.pop(BINDING, None) or {}
    if not isinstance(binding, dict):
        raise errors.INVALID_PARTICIPANT()
    named = {parameter_name(name): value for name, value in members.items()}
    named |= {f"MessagingBinding.{parameter_name(name)}": value for name, value in binding.items()}
    return {name: as_text(value) for name, value in named.items() if value is not None}


def parameter_name(member: str) -> str:
    return member if member[:1].isupper() else pascal_case(member)


def as_text(value: Any) -> str:
    """Return a member's value as a form has it. Attributes may be given as an object, too."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


PARTICIPANTS = FieldType(
    read_participants,
    {"type": "array", "items": {"type": "string"}, "maxItems": MAX_PARTICIPANTS},
    repeated=True,
)


class ConversationParticipants(Parameters, frozen=True):
    participants: Sensitive[
        Creatable[Annotated[tuple[dict[str, Any], ...] | None, PARTICIPANTS, WireName("Participant")]]
    ] = None


class ConversationWithParticipants(Conversation, frozen=True):
    """What a conversation may be created with, and its participants."""

    unstored: ClassVar = ConversationParticipants


conversations_with_participants = Collection(
    ConversationWithParticipants,
    "/ConversationWithParticipants",
    key="conversations",
    parent=find_service,
    shown_as=conversations,
)


@conversations_with_participants.create(before=["onConversationAdd"], accepted_with="participants")
def create_conversation_with_participants(tx: Transaction, call: Call) -> Conversation:
    """Nothing is created if one of them cannot be (contract: additions.md F)."""
    changes = dict(call.changes)
    given = changes.pop("participants", ())
    made = create_conversation(tx, msgspec.structs.replace(call, changes=changes))
    for each in given:
        path = call.path | {"ConversationSid": made.sid}
        add_participant(tx, msgspec.structs.replace(call, path=path, changes=each))
    conversation = tx.find(Conversation, sid=made.sid)
    if conversation is None:
        raise call.not_found()
    return conversation


def add_participant(tx: Transaction, call: Call) -> None:
    try:
        create_participant(tx, call)
    except ApiError as error:
        if error.problem is errors.ADDRESS_PAIR_TAKEN:
            raise errors.PAIRS_TAKEN() from None
        raise
