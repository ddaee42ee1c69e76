"""Who may set a field and who may see it."""

import enum
from dataclasses import dataclass
from typing import Annotated, TypeVar

T = TypeVar("T")


class On(enum.Flag):
    """The requests that a field may arrive in."""

    NEVER = 0
    CREATE = enum.auto()
    UPDATE = enum.auto()
    WRITE = CREATE | UPDATE


class Mark(enum.Enum):
    REQUIRED = "must be sent on creation"
    HIDDEN = "stored, never shown"
    IN_SERVICE = "shown only under /Services/{ChatServiceSid}"


@dataclass(frozen=True)
class Wire:
    """The parameter's name, where it is not the field's name in PascalCase."""

    name: str


Writable = Annotated[T, On.WRITE]
Creatable = Annotated[T, On.CREATE]
Updatable = Annotated[T, On.UPDATE]
Required = Annotated[T, Mark.REQUIRED]
Hidden = Annotated[T, Mark.HIDDEN]
InService = Annotated[T, Mark.IN_SERVICE]
