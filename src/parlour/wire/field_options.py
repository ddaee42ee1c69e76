"""The options of a field: which requests may set it, whether it is required, and which bodies show it."""

import enum
from dataclasses import dataclass
from typing import Annotated, TypeVar

T = TypeVar("T")

# How many days deleted data may stay on disks and in backups (contract: messages.md §8).
DELETED_AFTER_DAYS = 30


class AcceptedOn(enum.Flag):
    """The requests that may set a field."""

    NEVER = 0
    CREATE = enum.auto()
    UPDATE = enum.auto()
    WRITE = CREATE | UPDATE


class FieldOption(enum.Enum):
    REQUIRED = "must be sent on creation"
    REQUIRED_ON_UPDATE = "must be sent on an update too"
    HIDDEN = "stored, never shown"
    IN_SERVICE = "shown only under /Services/{ChatServiceSid}"


@dataclass(frozen=True)
class WireName:
    """The name of the parameter, if it is not the field's name in PascalCase."""

    name: str


@dataclass(frozen=True)
class PersonalData:
    """Marks personal data in the OpenAPI description, as the original's descriptions mark it.

    `handling` is "standard", or "sensitive" for what people have written.
    """

    handling: str

    @property
    def mark(self) -> dict[str, object]:
        return {"x-twilio": {"pii": {"handling": self.handling, "deleteSla": DELETED_AFTER_DAYS}}}


@dataclass(frozen=True)
class NullShownAs:
    """The value that bodies show if the field is null."""

    value: int


Writable = Annotated[T, AcceptedOn.WRITE]
Creatable = Annotated[T, AcceptedOn.CREATE]
Updatable = Annotated[T, AcceptedOn.UPDATE]
Required = Annotated[T, FieldOption.REQUIRED]
Hidden = Annotated[T, FieldOption.HIDDEN]
AlwaysRequired = Annotated[T, FieldOption.REQUIRED, FieldOption.REQUIRED_ON_UPDATE]
Personal = Annotated[T, PersonalData("standard")]
Sensitive = Annotated[T, PersonalData("sensitive")]
InService = Annotated[T, FieldOption.IN_SERVICE]
