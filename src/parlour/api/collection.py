"""A collection ties a resource to a path and its verbs to plain functions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

import msgspec

from parlour import errors
from parlour.api.body import AS_FORM, Encoding
from parlour.errors import ApiError
from parlour.store import OutOfScope, Transaction
from parlour.wire.field_options import AcceptedOn
from parlour.wire.field_types import FieldType
from parlour.wire.paging import MAX_PAGE_SIZE, PageRequest
from parlour.wire.profiles import Profile
from parlour.wire.resource import BodyForm, Resource, Scope

IN_SERVICE = "/v1/Services/{ChatServiceSid}"
ALONE = "/v1"
BOTH = (IN_SERVICE, ALONE)
# What the contract does not know of.
OURS = "/parlour/v1"
OURS_IN_SERVICE = OURS + "/Services/{ChatServiceSid}"


class Caller(msgspec.Struct, frozen=True):
    """Who makes a request: an account, by one of its credentials or by a link that it gave away."""

    account_sid: str
    default_service_sid: str


class Call(msgspec.Struct, frozen=True):
    """All that a handler may know of its request.

    `prefix` is the beginning of the path, one of those above; `path` holds the path's parameters,
    decoded; `changes` the form's, validated, by field name; `resource_path` is the path as it was
    sent, without `/v1`; URLs in the answer begin with `public_url`. Webhooks hear of the change if it
    `fires`; `source` is the event's `Source`.
    """

    caller: Caller
    service_sid: str
    path: dict[str, str]
    resource_path: str
    prefix: str
    profile: Profile
    public_url: str
    fires: bool = False
    source: str = "API"
    changes: dict[str, Any] = {}
    paging: PageRequest = PageRequest()

    @property
    def account_sid(self) -> str:
        return self.caller.account_sid

    @property
    def default_service_sid(self) -> str:
        return self.caller.default_service_sid

    def not_found(self) -> ApiError:
        return errors.NOT_FOUND(path=self.resource_path)


Handler = Callable[[Transaction, Call], Any]
Locate = Callable[[Transaction, Call], Call]
Find = Callable[[Transaction, Call], Any]
# The body of a lookup's answer, from what the handler has found and from how one resource is shown.
Arrange = Callable[[Any, Callable[[Any], dict[str, Any]]], Any]
H = TypeVar("H", bound=Handler)


def in_scope(work: Find, tx: Transaction, call: Call, parent: Find | None = None) -> Any:
    """Do work for which rows of other accounts and services do not exist, once `parent` was found."""
    tx.scope = Scope(call.account_sid, call.service_sid)
    try:
        if parent is not None:
            parent(tx, call)
        return work(tx, call)
    except OutOfScope:
        raise call.not_found() from None
    finally:
        tx.scope = None


class Registrar(Protocol):
    """Ties a handler to its verb and gives it back as it was."""

    def __call__(self, handler: H, /) -> H: ...


@dataclass(frozen=True)
class UploadSteps:
    """The transactions around an upload's bytes, whose handler completes the row.

    `begin` makes the row before the first byte is stored; `forget` removes that of an upload that failed.
    """

    begin: Handler
    forget: Callable[[Transaction, str], None]


@dataclass(frozen=True, eq=False)
class Operation:
    """One verb on one path: what it accepts and the function that does it.

    `before` names the events whose webhooks are asked first, in this order; `action` is the end of the
    path where the verb alone does not say it. For a message from another channel, `locate` returns the
    call within the conversation that it belongs to. `upload` is set if the body is a file, and
    `sends_file` if the answer is one. A lookup, which has `arrange`, is a POST that only reads.
    """

    collection: "Collection"
    method: str
    status: int
    on_item: bool
    handler: Handler
    accepts: AcceptedOn = AcceptedOn.NEVER
    before: Sequence[str] = ()
    locate: Locate | None = None
    action: str = ""
    is_list: bool = False
    filters: Mapping[str, FieldType] = field(default_factory=dict)
    max_page_size: int = MAX_PAGE_SIZE
    upload: UploadSteps | None = None
    sends_file: bool = False
    arrange: Arrange | None = None

    def perform(self, tx: Transaction, call: Call) -> Any:
        """The result of the handler, which finds rows of the caller's account and service only."""
        return in_scope(self.handler, tx, call, self._parent)

    def find_parent(self, tx: Transaction, call: Call) -> Any:
        return in_scope(self.collection.parent, tx, call)

    def begin_upload(self, steps: UploadSteps, tx: Transaction, call: Call) -> Any:
        return in_scope(steps.begin, tx, call, self.collection.parent)

    @cached_property
    def _parent(self) -> Find | None:
        """Finds the parent; None if the path ends with a SID, by which alone an item is found."""
        place = self.collection
        needs_it = not self.on_item or place.is_part or place.item_path == place.path
        return place.parent if needs_it else None

    @property
    def writes(self) -> bool:
        return self.method != "GET" and self.arrange is None

    @property
    def shows(self) -> bool:
        """Whether its answer has a body; a delete's has none (contract: messages.md §0)."""
        return self.method != "DELETE"

    @property
    def path(self) -> str:
        path = self.collection.item_path if self.on_item else self.collection.path
        return f"{path}/{self.action}" if self.action else path


@dataclass(eq=False)
class Collection:
    """A resource's place: `path` below each of `prefixes`, `key` in the page envelope.

    `parent` finds what the path names above the resource: the conversation, the service or the
    account; it raises 404/20404 if the caller has no such thing. Where the resource is `part_of` its
    parent, answers to reads are kept for as long as the parent's version stands. One that is
    `shown_as` another gives the other's items, with their URLs.
    """

    resource: type[Resource]
    path: str
    key: str
    parent: Find
    prefixes: tuple[str, ...] = BOTH
    encoding: Encoding = AS_FORM
    shown_as: "Collection | None" = None
    operations: list[Operation] = field(default_factory=list)

    @property
    def is_part(self) -> bool:
        """Whether the resource is part of its parent, whose version rises when the resource changes."""
        return self.resource.part_of is not None and self.shown_as is None

    @property
    def item_path(self) -> str:
        return f"{self.path}/{{Sid}}"

    def form(self, prefix: str) -> BodyForm:
        """The form of bodies below `prefix`."""
        is_in_service = prefix == IN_SERVICE or self.shown_as is not None
        return BodyForm.IN_SERVICE if is_in_service else BodyForm.ALONE

    def create(self, before: Sequence[str] = ()) -> Registrar:
        return self._on("POST", 201, on_item=False, accepts=AcceptedOn.CREATE, before=before)

    def list(
        self, filters: Mapping[str, FieldType] | None = None, max_page_size: int = MAX_PAGE_SIZE
    ) -> Registrar:
        return self._on(
            "GET", 200, on_item=False, is_list=True, filters=filters or {}, max_page_size=max_page_size
        )

    def fetch(self) -> Registrar:
        return self._on("GET", 200, on_item=True)

    def update(self, before: Sequence[str] = ()) -> Registrar:
        return self._on("POST", 200, on_item=True, accepts=AcceptedOn.UPDATE, before=before)

    def delete(self, before: Sequence[str] = ()) -> Registrar:
        return self._on("DELETE", 204, on_item=True, before=before)

    def receive(self, before: Sequence[str], locate: Locate) -> Registrar:
        return self._on("POST", 201, on_item=False, accepts=AcceptedOn.CREATE, before=before, locate=locate)

    def act(self, action: str) -> Registrar:
        return self._on("POST", 200, on_item=True, action=action)

    def replace(self) -> Registrar:
        return self._on("PUT", 200, on_item=True, accepts=AcceptedOn.UPDATE)

    def look_up(self, arrange: Arrange) -> Registrar:
        return self._on("POST", 200, on_item=False, accepts=AcceptedOn.CREATE, arrange=arrange)

    def _on(self, method: str, status: int, **options: Any) -> Registrar:
        def register(handler: H) -> H:
            self.operations.append(Operation(self, method, status, handler=handler, **options))
            return handler

        return register


@dataclass(eq=False, kw_only=True)
class FileCollection(Collection):
    """Resources whose content is a file: uploaded, and sent with a link that needs no credentials.

    `owner` returns in whose name such a link to a service's file speaks.
    """

    owner: Callable[[Transaction, str], Caller | None]

    def upload(self, begin: Handler, forget: Callable[[Transaction, str], None]) -> Registrar:
        return self._on("POST", 201, on_item=False, upload=UploadSteps(begin, forget))

    def content(self) -> Registrar:
        return self._on("GET", 200, on_item=True, action="Content", sends_file=True)

    @property
    def uploading(self) -> tuple[Operation, UploadSteps]:
        return next((each, each.upload) for each in self.operations if each.upload is not None)


class Singleton(Collection):
    """A resource that its path alone names."""

    @property
    def item_path(self) -> str:
        return self.path
