"""Resources: from a resource's declared fields, forms are read and bodies rendered."""

import functools
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

import msgspec

from parlour import errors
from parlour.wire.field_options import AcceptedOn, FieldOption, NullShownAs, PersonalData, WireName
from parlour.wire.field_types import FieldType
from parlour.wire.texts import ensure_text

# The start of every path of the API; `parlour.api.collection` begins there.
API_ROOT = "/v1"

Form = Mapping[str, str | list[str]]
JsonSchema = dict[str, Any]
Getter = Callable[[Any], Any]


class Parameters(msgspec.Struct, frozen=True):
    """Base of the parameters of a request that are read and validated, but are not fields of the resource."""


class Resource(msgspec.Struct, frozen=True, gc=False):
    """Base of every resource: subclasses declare their fields, one a line; each field has its column.

    `key` names the columns of the primary key. `event_names` maps parameters of events to attributes, where
    the names differ. `part_of` is the resource whose version rises with each write to this one; its SID is
    the first column of the key. Rows refer only to rows of a smaller `depth`, which are inserted first. A row
    of a `locked` resource is locked when it is found, so that one writer at a time changes it.

    A resource with a `tombstone` has a column `date_deleted`, set when a row is deleted and not removed yet:
    no statement finds the row. `owners` maps tables whose tombstones hide this one's rows as well to the
    columns that hold the owner's SID. `link_names` are paths below the resource's URL, or, with a slash at
    their beginning and fields in braces, below the root of the API.
    """

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]] = ("sid",)
    part_of: ClassVar["type[Resource] | None"] = None
    depth: ClassVar[int] = 0
    versioned: ClassVar[bool] = False
    locked: ClassVar[bool] = False
    tombstone: ClassVar[bool] = False
    owners: ClassVar[Mapping[str, str]] = {}
    # Whether paths may name a row by a text that is not its SID.
    has_name: ClassVar[bool] = False
    shows_url: ClassVar[bool] = True
    link_names: ClassVar[Mapping[str, str]] = {}
    event_names: ClassVar[Mapping[str, str]] = {}
    unstored: ClassVar[type[Parameters]] = Parameters
    # The names of the fields that a request may set, if a subclass accepts fewer than it inherits.
    accepts_only: ClassVar[frozenset[str] | None] = None
    # The columns that `scope_getters` considers, if they are not all columns.
    scoped_by: ClassVar[tuple[str, ...] | None] = None

    sid: str


class BodyForm(StrEnum):
    """The form of a body, which depends on the path of the request: below a service or not."""

    ALONE = "alone"
    IN_SERVICE = "in service"


class Scope(NamedTuple):
    """The account and the service whose rows the caller may see."""

    account_sid: str
    service_sid: str


# The columns that name the account or the service of a row, and the member of the scope that each must equal.
SCOPE_COLUMNS = {
    "account_sid": "account_sid",
    "chat_service_sid": "service_sid",
    "service_sid": "service_sid",
}


@functools.cache
def scope_getters(declared: type[Resource]) -> tuple[Getter, Getter] | None:
    """Return what reads a row's account and service, and what reads the same of a scope; None without any."""
    names = declared.__struct_fields__ if declared.scoped_by is None else declared.scoped_by
    columns = [name for name in names if name in SCOPE_COLUMNS]
    if not columns:
        return None
    return attrgetter(*columns), attrgetter(*[SCOPE_COLUMNS[name] for name in columns])


def is_in_scope(resource: Resource, scope: Scope) -> bool:
    getters = scope_getters(type(resource))
    return getters is None or getters[0](resource) == getters[1](scope)


class Computed:
    """A member of the body that is computed from fields: the decorator `@Computed(**schema)` of a method."""

    def __init__(self, **schema: Any) -> None:
        self.schema: JsonSchema = schema
        self.compute: Callable[[Any], Any]

    def __call__(self, compute: Callable[[Any], Any]) -> "Computed":
        self.compute = compute
        return self


@dataclass(frozen=True, eq=False, slots=True)
class Field:
    """A declared field: its name in the body, its name as a parameter, its type and its options."""

    name: str
    wire_name: str
    type: FieldType
    accepted: AcceptedOn
    options: frozenset[FieldOption]
    nullable: bool
    shown_for_null: int | None = None
    personal: PersonalData | None = None

    def read(self, raw: str | list[str]) -> Any:
        """Return the value of a parameter. Raises ApiError, by default 400/20001."""
        # If a parameter is repeated, the last one counts (docs/decisions), except for a list.
        values = [raw] if isinstance(raw, str) else raw
        try:
            # All texts from outside come through here: of forms, fixtures, webhook answers and reports.
            for each in values:
                ensure_text(each)
            return self.type.read(values if self.type.repeated else values[-1])
        except ValueError as reason:
            raise errors.INVALID_PARAMETER(name=self.wire_name, reason=reason) from None


@functools.cache
def fields_of(declared: type[Resource] | type[Parameters]) -> tuple[Field, ...]:
    hints = typing.get_type_hints(declared, include_extras=True)
    return tuple(field(name, list(metadata(hints[name]))) for name in declared.__struct_fields__)


def field(name: str, found: list[Any]) -> Field:
    return Field(
        name=name,
        wire_name=next((each.name for each in found if isinstance(each, WireName)), pascal_case(name)),
        type=next(each for each in found if isinstance(each, FieldType)),
        accepted=next((each for each in found if isinstance(each, AcceptedOn)), AcceptedOn.NEVER),
        options=frozenset(each for each in found if isinstance(each, FieldOption)),
        nullable=types.NoneType in found,
        shown_for_null=next((each.value for each in found if isinstance(each, NullShownAs)), None),
        personal=next((each for each in found if isinstance(each, PersonalData)), None),
    )


def metadata(annotation: Any) -> Iterator[Any]:
    """Yield the metadata of nested Annotated[…] and the members of unions, outermost first."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        inner, *found = typing.get_args(annotation)
        yield from found
        yield from metadata(inner)
    elif origin in (types.UnionType, typing.Union):
        for member in typing.get_args(annotation):
            yield from metadata(member)
    else:
        yield annotation


def pascal_case(name: str) -> str:
    return name.title().replace("_", "")


@functools.cache
def accepted_fields(declared: type[Resource], on: AcceptedOn) -> Mapping[str, Field]:
    """Return the fields and unstored parameters that a creation or update may set, by wire name."""
    only = declared.accepts_only
    stored = [f for f in fields_of(declared) if only is None or f.name in only]
    return {f.wire_name: f for f in (*stored, *fields_of(declared.unstored)) if f.accepted & on}


def stored_changes(declared: type[Resource], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes that are fields of the resource, without its unstored parameters."""
    return {name: value for name, value in changes.items() if name in field_names(declared)}


@functools.cache
def field_names(declared: type[Resource]) -> frozenset[str]:
    return frozenset(declared.__struct_fields__)


@functools.cache
def required_fields(declared: type[Resource], on: AcceptedOn) -> tuple[Field, ...]:
    option = FieldOption.REQUIRED if AcceptedOn.CREATE in on else FieldOption.REQUIRED_ON_UPDATE
    return tuple(f for f in accepted_fields(declared, on).values() if option in f.options)


def read_form(declared: type[Resource], form: Form, on: AcceptedOn) -> dict[str, Any]:
    """Return the values of the accepted parameters, by field name. Other parameters are ignored.

    Raises the ApiError of the first parameter that is invalid, in the order in which they were sent, or
    400/20001 for a required parameter that is missing.
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
class RenderPlan:
    """The steps of rendering a resource in one form, prepared once.

    `withheld` names the fields that are left out, `converted` those that are shown in another form than they
    are stored, each with its function, and `defaults` those that show a value if they are null.
    """

    withheld: tuple[str, ...]
    converted: tuple[tuple[str, Callable[[Any], Any]], ...]
    defaults: tuple[tuple[str, int], ...]
    computed: tuple[tuple[str, Callable[[Any], Any]], ...]
    links: tuple[tuple[str, str], ...]


def is_withheld(f: Field, form: BodyForm) -> bool:
    if FieldOption.HIDDEN in f.options:
        return True
    return FieldOption.IN_SERVICE in f.options and form != BodyForm.IN_SERVICE


def computed_members(declared: type[Resource]) -> dict[str, Computed]:
    return {name: member for name, member in vars(declared).items() if isinstance(member, Computed)}


@functools.cache
def render_plan(declared: type[Resource], form: BodyForm) -> RenderPlan:
    fields = fields_of(declared)
    shown = [f for f in fields if not is_withheld(f, form)]
    return RenderPlan(
        withheld=tuple(f.name for f in fields if is_withheld(f, form)),
        converted=tuple((f.name, f.type.show) for f in shown if f.type.show is not None),
        defaults=tuple((f.name, f.shown_for_null) for f in shown if f.shown_for_null is not None),
        computed=tuple((name, each.compute) for name, each in computed_members(declared).items()),
        links=tuple(declared.link_names.items()),
    )


def render(resource: Resource, url: str, form: BodyForm) -> dict[str, Any]:
    """Return the body of a resource whose absolute URL is `url`."""
    plan = render_plan(type(resource), form)
    body = msgspec.structs.asdict(resource)
    for name in plan.withheld:
        del body[name]
    for name, show in plan.converted:
        value = body[name]
        if value is not None:
            body[name] = show(value)
    for name, default in plan.defaults:
        if body[name] is None:
            body[name] = default
    for name, compute in plan.computed:
        body[name] = compute(resource)
    if resource.shows_url:
        body["url"] = url
    if plan.links:
        body["links"] = {name: link(resource, url, path) for name, path in plan.links}
    return body


def link(resource: Resource, url: str, path: str) -> str:
    """Return the URL of a path below the resource's; one with a slash begins at the root of the API."""
    if not path.startswith("/"):
        return f"{url}/{path}"
    return url.partition(API_ROOT)[0] + API_ROOT + path.format_map(msgspec.structs.asdict(resource))
