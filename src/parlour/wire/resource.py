"""From one declaration: reading a form, rendering a body, describing both."""

import functools
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

import msgspec

from parlour import errors
from parlour.wire.kinds import Kind
from parlour.wire.marks import Mark, On, Wire
from parlour.wire.texts import ensure_text

Form = Mapping[str, str | list[str]]
JsonSchema = dict[str, Any]


class Parameters(msgspec.Struct, frozen=True):
    """Base of what a form may hold beside a resource's fields: read and validated, not stored."""


class Resource(msgspec.Struct, frozen=True, gc=False):
    """Base of every resource: subclasses declare fields, one a line; each has its column.

    `key` names the columns that identify a row, `event_names` the attributes behind parameters of
    events that are not called as they are. `part_of` is the resource whose version rises with
    each write to this one; its SID is the first column of the key. Rows refer only to rows of a
    lesser `depth`, which are inserted before them. What is `locked` is changed by one writer at a
    time, from when it was found.

    A row with a `tombstone` has `date_deleted` when it was deleted and is not removed yet: no
    statement finds it. `owners` are tables whose tombstones hide this one's rows too, each with the
    column that holds the owner's SID.
    """

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]] = ("sid",)
    part_of: ClassVar["type[Resource] | None"] = None
    depth: ClassVar[int] = 0
    versioned: ClassVar[bool] = False
    locked: ClassVar[bool] = False
    tombstone: ClassVar[bool] = False
    owners: ClassVar[Mapping[str, str]] = {}
    shows_url: ClassVar[bool] = True
    link_names: ClassVar[Mapping[str, str]] = {}
    event_names: ClassVar[Mapping[str, str]] = {}
    unstored: ClassVar[type[Parameters]] = Parameters
    # The fields that a request may set, where they are fewer than those that say so: of a subclass.
    accepts_only: ClassVar[frozenset[str] | None] = None
    # The scope that its rows lie in, where it is not the one that `scope_columns` finds.
    scoped_by: ClassVar[tuple[str, ...] | None] = None

    sid: str


class BodyForm(StrEnum):
    """How a resource's body is shaped, which follows from the path that the request came by."""

    ALONE = "alone"
    IN_SERVICE = "in service"


class Scope(NamedTuple):
    """The account and the service whose rows a caller may see."""

    account_sid: str
    service_sid: str


# The columns of rows that belong to an account or a service, and what of a scope they have to equal.
SCOPE_COLUMNS = {
    "account_sid": "account_sid",
    "chat_service_sid": "service_sid",
    "service_sid": "service_sid",
}


@functools.cache
def scope_columns(declared: type[Resource]) -> tuple[tuple[str, str], ...]:
    """The columns of a resource that say whose it is, each with the part of the scope that it equals."""
    names = declared.__struct_fields__ if declared.scoped_by is None else declared.scoped_by
    return tuple((name, SCOPE_COLUMNS[name]) for name in names if name in SCOPE_COLUMNS)


def is_in_scope(resource: Resource, scope: Scope) -> bool:
    for column, part in scope_columns(type(resource)):
        if getattr(resource, column) != getattr(scope, part):
            return False
    return True


class Shown:
    """A value of the body that is worked out from other fields: `@Shown(schema)` on a method."""

    def __init__(self, **schema: Any) -> None:
        self.schema: JsonSchema = schema
        self.work_out: Callable[[Any], Any]

    def __call__(self, work_out: Callable[[Any], Any]) -> "Shown":
        self.work_out = work_out
        return self


@dataclass(frozen=True, eq=False, slots=True)
class Field:
    name: str
    wire_name: str
    kind: Kind
    accepted: On
    marks: frozenset[Mark]
    nullable: bool

    def read(self, raw: str | list[str]) -> Any:
        # Of a repeated parameter the last one counts (docs/decisions), but for a list.
        values = [raw] if isinstance(raw, str) else raw
        try:
            # Whatever brought it, a form or a fixture, an answer or a report.
            for each in values:
                ensure_text(each)
            return self.kind.read(values if self.kind.repeated else values[-1])
        except ValueError as reason:
            raise errors.INVALID_PARAMETER(name=self.wire_name, reason=reason) from None


@functools.cache
def fields_of(declared: type[Resource] | type[Parameters]) -> tuple[Field, ...]:
    hints = typing.get_type_hints(declared, include_extras=True)
    return tuple(field(name, list(metadata(hints[name]))) for name in declared.__struct_fields__)


def field(name: str, found: list[Any]) -> Field:
    return Field(
        name=name,
        wire_name=next((mark.name for mark in found if isinstance(mark, Wire)), pascal_case(name)),
        kind=next(mark for mark in found if isinstance(mark, Kind)),
        accepted=next((mark for mark in found if isinstance(mark, On)), On.NEVER),
        marks=frozenset(mark for mark in found if isinstance(mark, Mark)),
        nullable=types.NoneType in found,
    )


def metadata(annotation: Any) -> Iterator[Any]:
    """What nested Annotated[…] and `| None` say about a type, outermost first."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        inner, *marks = typing.get_args(annotation)
        yield from marks
        yield from metadata(inner)
    elif origin in (types.UnionType, typing.Union):
        for member in typing.get_args(annotation):
            yield from metadata(member)
    else:
        yield annotation


def pascal_case(name: str) -> str:
    return name.title().replace("_", "")


@functools.cache
def accepted_fields(declared: type[Resource], on: On) -> Mapping[str, Field]:
    only = declared.accepts_only
    stored = [f for f in fields_of(declared) if only is None or f.name in only]
    return {f.wire_name: f for f in (*stored, *fields_of(declared.unstored)) if f.accepted & on}


def stored_changes(declared: type[Resource], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Those changes that are fields of the resource: its constructor takes them as they are."""
    return {name: value for name, value in changes.items() if name in field_names(declared)}


@functools.cache
def field_names(declared: type[Resource]) -> frozenset[str]:
    return frozenset(declared.__struct_fields__)


@functools.cache
def required_fields(declared: type[Resource], on: On) -> tuple[Field, ...]:
    return tuple(
        f for f in accepted_fields(declared, on).values() if Mark.REQUIRED in f.marks and On.CREATE in on
    )


def read_form(declared: type[Resource], form: Form, on: On) -> dict[str, Any]:
    """The parameters that the resource accepts, validated, by field name; others are ignored.

    Raises the ApiError of the first parameter that is refused, in the order they were sent.
    """
    accepted = accepted_fields(declared, on)
    changes = {}
    for wire_name, raw in form.items():
        found = accepted.get(wire_name)
        if found is not None:
            changes[found.name] = found.read(raw)
    for missing in required_fields(declared, on):
        if missing.name not in changes:
            raise errors.MISSING_PARAMETER(name=missing.wire_name)
    return changes


@dataclass(frozen=True, slots=True)
class Plan:
    """How a resource is rendered, worked out once."""

    withheld: tuple[str, ...]
    converted: tuple[tuple[str, Callable[[Any], Any]], ...]
    worked_out: tuple[tuple[str, Callable[[Any], Any]], ...]
    links: tuple[tuple[str, str], ...]


def is_withheld(f: Field, form: BodyForm) -> bool:
    return Mark.HIDDEN in f.marks or (Mark.IN_SERVICE in f.marks and form != BodyForm.IN_SERVICE)


def worked_out(declared: type[Resource]) -> dict[str, Shown]:
    return {name: member for name, member in vars(declared).items() if isinstance(member, Shown)}


@functools.cache
def plan_of(declared: type[Resource], form: BodyForm) -> Plan:
    fields = fields_of(declared)
    shown = [f for f in fields if not is_withheld(f, form)]
    return Plan(
        withheld=tuple(f.name for f in fields if is_withheld(f, form)),
        converted=tuple((f.name, f.kind.show) for f in shown if f.kind.show is not None),
        worked_out=tuple((name, each.work_out) for name, each in worked_out(declared).items()),
        links=tuple(declared.link_names.items()),
    )


def render(resource: Resource, url: str, form: BodyForm) -> dict[str, Any]:
    """Return the body of a resource whose absolute URL is `url`."""
    plan = plan_of(type(resource), form)
    body = msgspec.structs.asdict(resource)
    for name in plan.withheld:
        del body[name]
    for name, show in plan.converted:
        value = body[name]
        if value is not None:
            body[name] = show(value)
    for name, work_out in plan.worked_out:
        body[name] = work_out(resource)
    if resource.shows_url:
        body["url"] = url
    if plan.links:
        body["links"] = {name: f"{url}/{path}" for name, path in plan.links}
    return body


def form_schema(declared: type[Resource], on: On) -> JsonSchema:
    accepted = accepted_fields(declared, on)
    schema: JsonSchema = {
        "type": "object",
        "properties": {name: dict(f.kind.input_schema) for name, f in accepted.items()},
    }
    required = [f.wire_name for f in required_fields(declared, on)]
    return schema | ({"required": required} if required else {})


def body_schema(declared: type[Resource], form: BodyForm) -> JsonSchema:
    properties: dict[str, Any] = {}
    for f in fields_of(declared):
        if not is_withheld(f, form):
            properties[f.name] = nullable(f.kind.schema) if f.nullable else dict(f.kind.schema)
    properties |= {name: each.schema for name, each in worked_out(declared).items()}
    if declared.shows_url:
        properties["url"] = {"type": "string", "format": "uri"}
    if declared.link_names:
        links = {name: {"type": "string", "format": "uri"} for name in declared.link_names}
        properties["links"] = {"type": "object", "properties": links, "required": list(links)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def nullable(schema: Mapping[str, Any]) -> JsonSchema:
    choices = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **choices}
