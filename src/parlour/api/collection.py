"""A collection ties a resource to a path and its verbs to plain functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

import msgspec

from parlour import errors
from parlour.api.body import AS_FORM, Encoding
from parlour.errors import ApiError
from parlour.store import OutOfScope, Transaction
from parlour.wire.kinds import Kind
from parlour.wire.marks import On
from parlour.wire.paging import MAX_PAGE_SIZE, PageRequest
from parlour.wire.profiles import Profile
from parlour.wire.resource import Resource, Scope

IN_SERVICE = "/v1/Services/{ChatServiceSid}"
ALONE = "/v1"
BOTH = (IN_SERVICE, ALONE)
# What the contract does not know of.
OURS = "/parlour/v1"
OURS_IN_SERVICE = OURS + "/Services/{ChatServiceSid}"


class Call(msgspec.Struct, frozen=True):
    """All that a handler may know of its request.

    `prefix` is what the path began with, one of those above; `path` holds the path's parameters,
    decoded; `changes` the form's, validated, by field name; `resource_path` is the path as it was
    sent, without `/v1`; `public_url` is what URLs in its answer begin with; `fires` tells whether
    webhooks are told of what the request does; `source` is where it came from, in the words of an
    event.
    """

    account_sid: str
    service_sid: str
    default_service_sid: str
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
    def in_service(self) -> bool:
        return self.prefix == IN_SERVICE

    def not_found(self) -> ApiError:
        return errors.NOT_FOUND(path=self.resource_path)


Handler = Callable[[Transaction, Call], Any]
Locate = Callable[[Transaction, Call], Call]
Find = Callable[[Transaction, Call], Any]
H = TypeVar("H", bound=Handler)


def in_scope(work: Find, tx: Transaction, call: Call) -> Any:
    """Do work for which the rows of other accounts, and of other services, are not there."""
    tx.scope = Scope(call.account_sid, call.service_sid)
    try:
        return work(tx, call)
    except OutOfScope:
        raise call.not_found() from None
    finally:
        tx.scope = None


class Registrar(Protocol):
    """Ties a handler to its verb and gives it back as it was."""

    def __call__(self, handler: H, /) -> H: ...


@dataclass(frozen=True, eq=False)
class Operation:
    """One verb on one path: what it accepts and the function that does it.

    `before` is the event whose webhook is asked first; `action` ends the path of what is no CRUD. Of
    what comes in from another channel `locate` gives the call with the place that it belongs to.
    """

    collection: "Collection"
    method: str
    status: int
    on_item: bool
    handler: Handler
    accepts: On = On.NEVER
    before: str | None = None
    locate: Locate | None = None
    action: str = ""
    is_list: bool = False
    filters: Mapping[str, Kind] = field(default_factory=dict)
    max_page_size: int = MAX_PAGE_SIZE

    def perform(self, tx: Transaction, call: Call) -> Any:
        """The result of the handler, which finds rows of the caller's account and service only."""
        return in_scope(self._perform, tx, call)

    def find_parent(self, tx: Transaction, call: Call) -> Any:
        return in_scope(self.collection.parent, tx, call)

    def _perform(self, tx: Transaction, call: Call) -> Any:
        if self._needs_parent:
            self.collection.parent(tx, call)
        return self.handler(tx, call)

    @cached_property
    def _needs_parent(self) -> bool:
        """Whether the path does not end with a SID, by which alone an item is found, or not."""
        place = self.collection
        return not self.on_item or place.is_part or place.item_path == place.path

    @property
    def writes(self) -> bool:
        return self.method != "GET"

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

    def is_in_service(self, prefix: str) -> bool:
        """Whether bodies are in the form of paths below `/Services/{ChatServiceSid}`."""
        return prefix == IN_SERVICE or self.shown_as is not None

    def create(self, before: str | None = None) -> Registrar:
        return self._on("POST", 201, on_item=False, accepts=On.CREATE, before=before)

    def list(
        self, filters: Mapping[str, Kind] | None = None, max_page_size: int = MAX_PAGE_SIZE
    ) -> Registrar:
        return self._on(
            "GET", 200, on_item=False, is_list=True, filters=filters or {}, max_page_size=max_page_size
        )

    def fetch(self) -> Registrar:
        return self._on("GET", 200, on_item=True)

    def update(self, before: str | None = None) -> Registrar:
        return self._on("POST", 200, on_item=True, accepts=On.UPDATE, before=before)

    def delete(self, before: str | None = None) -> Registrar:
        return self._on("DELETE", 204, on_item=True, before=before)

    def receive(self, before: str, locate: Locate) -> Registrar:
        return self._on("POST", 201, on_item=False, accepts=On.CREATE, before=before, locate=locate)

    def act(self, action: str) -> Registrar:
        return self._on("POST", 200, on_item=True, action=action)

    def replace(self) -> Registrar:
        return self._on("PUT", 200, on_item=True, accepts=On.UPDATE)

    def _on(self, method: str, status: int, **options: Any) -> Registrar:
        def register(handler: H) -> H:
            self.operations.append(Operation(self, method, status, handler=handler, **options))
            return handler

        return register


class Singleton(Collection):
    """A resource that its path alone names."""

    @property
    def item_path(self) -> str:
        return self.path
