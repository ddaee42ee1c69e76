"""Collections: a resource, its path, and the functions that handle its operations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeVar

import msgspec

from parlour import errors
from parlour.api.body import AS_FORM, Encoding
from parlour.api.idempotency import IdempotencyKey
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
# Paths of Parlour's own, which are not part of the contract.
OURS = "/parlour/v1"
# The status of an answer to a request that the original finishes later.
ACCEPTED = 202
OURS_IN_SERVICE = OURS + "/Services/{ChatServiceSid}"


class Caller(msgspec.Struct, frozen=True):
    """The account that makes a request, known by its credentials or by a signed link."""

    account_sid: str
    default_service_sid: str


class Call(msgspec.Struct, frozen=True):
    """A request as its handler sees it.

    `path` holds the decoded parameters of the path, and `changes` the validated parameters of the form, by
    field name. `resource_path` is the path as it was sent, without `/v1`. `prefix` is the start of the path,
    one of those above. URLs in the answer begin with `public_url`. With `fires`, webhooks are sent, whose
    parameter `Source` is `source`.
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
# Returns the key by which a request without an `Idempotency-Key` is known again, or None.
FindKey = Callable[[Call], IdempotencyKey | None]
Find = Callable[[Transaction, Call], Any]
# Makes the body of a lookup's answer, from the handler's result and a function that renders one resource.
Arrange = Callable[[Any, Callable[[Any], dict[str, Any]]], Any]
H = TypeVar("H", bound=Handler)


def in_scope(work: Find, tx: Transaction, call: Call, parent: Find | None = None) -> Any:
    """Find the parent, then do the work. Neither sees rows of other accounts and services.

    Raises 404/20404 where such a row would be needed.
    """
    tx.scope = Scope(call.account_sid, call.service_sid)
    try:
        if parent is not None and parent(tx, call) is None:
            raise call.not_found()
        return work(tx, call)
    except OutOfScope:
        raise call.not_found() from None
    finally:
        tx.scope = None


class Registrar(Protocol):
    """A decorator that registers a handler and returns it unchanged."""

    def __call__(self, handler: H, /) -> H: ...


@dataclass(frozen=True)
class UploadSteps:
    """The transactions of an upload apart from its handler, which completes the row.

    `begin` inserts the row before the first byte is stored. `forget` deletes it if the upload fails.
    """

    begin: Handler
    forget: Callable[[Transaction, str], None]


@dataclass(frozen=True, eq=False)
class Operation:
    """A method on a path, and the function that handles it.

    `accepts` selects the fields that can be sent. `before` names the pre-events, in their order. `action` is
    a last part of the path, as in `/Content`. For a message from another channel, `locate` returns the call
    within the conversation that it belongs to, and `find_key` its key. With the change `accepted_with`,
    the status of the answer is ACCEPTED. `upload` is set if the body is a file,
    and `sends_file` if the answer is one. An operation with `arrange` is a lookup: a POST that only reads.
    """

    collection: "Collection"
    method: str
    status: int
    on_item: bool
    handler: Handler
    accepts: AcceptedOn = AcceptedOn.NEVER
    before: Sequence[str] = ()
    locate: Locate | None = None
    find_key: FindKey | None = None
    accepted_with: str = ""
    action: str = ""
    is_list: bool = False
    filters: Mapping[str, FieldType] = field(default_factory=dict)
    max_page_size: int = MAX_PAGE_SIZE
    upload: UploadSteps | None = None
    sends_file: bool = False
    arrange: Arrange | None = None

    def perform(self, tx: Transaction, call: Call) -> Any:
        """Return the handler's result. It finds rows of the caller's account and service only."""
        return in_scope(self.handler, tx, call, self._parent)

    def find_parent(self, tx: Transaction, call: Call) -> Any:
        return in_scope(self.collection.parent, tx, call)

    def begin_upload(self, steps: UploadSteps, tx: Transaction, call: Call) -> Any:
        return in_scope(steps.begin, tx, call, self.collection.parent)

    @cached_property
    def _parent(self) -> Find | None:
        """The function that finds the parent; None if an item is found by its SID alone."""
        collection = self.collection
        is_singleton = collection.item_path == collection.path
        needs_parent = not self.on_item or collection.is_part or is_singleton
        return collection.parent if needs_parent else None

    @cached_property
    def writes(self) -> bool:
        return self.method != "GET" and self.arrange is None

    @property
    def shows(self) -> bool:
        """Whether the answer has a body. A delete's has none (contract: messages.md §0)."""
        return self.method != "DELETE"

    def status_of(self, call: Call) -> int:
        return ACCEPTED if self.accepted_with in call.changes else self.status

    @property
    def path(self) -> str:
        path = self.collection.item_path if self.on_item else self.collection.path
        return f"{path}/{self.action}" if self.action else path


@dataclass(eq=False)
class Collection:
    """A resource at `path`, below each of `prefixes`; `key` is the name of its list in a page.

    `parent` finds the conversation, the service or the account that the path names before the resource, and
    raises 404/20404 if the caller has none. If the resource is `part_of` its parent, answers to reads are
    cached until the parent's version changes. With `shown_as`, the collection returns items of another one,
    with their URLs. If it `describes_caller`, a write changes what is remembered of callers.
    """

    resource: type[Resource]
    path: str
    key: str
    parent: Find
    prefixes: tuple[str, ...] = BOTH
    encoding: Encoding = AS_FORM
    shown_as: "Collection | None" = None
    describes_caller: bool = False
    operations: list[Operation] = field(default_factory=list)

    @cached_property
    def is_part(self) -> bool:
        """Whether the resource is part of its parent, whose version rises when the resource changes."""
        return self.resource.part_of is not None and self.shown_as is None

    @property
    def item_path(self) -> str:
        return f"{self.path}/{{Sid}}"

    def form(self, prefix: str) -> BodyForm:
        """Return the form of bodies below `prefix`."""
        is_in_service = prefix == IN_SERVICE or self.shown_as is not None
        return BodyForm.IN_SERVICE if is_in_service else BodyForm.ALONE

    def create(self, before: Sequence[str] = (), accepted_with: str = "") -> Registrar:
        options = {"accepts": AcceptedOn.CREATE, "before": before, "accepted_with": accepted_with}
        return self._on("POST", 201, on_item=False, **options)

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

    def receive(self, before: Sequence[str], locate: Locate, find_key: FindKey) -> Registrar:
        located = {"locate": locate, "find_key": find_key}
        return self._on("POST", 201, on_item=False, accepts=AcceptedOn.CREATE, before=before, **located)

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
    """Resources whose content is a file, which is uploaded, and downloaded also by a signed link.

    `owner` returns the account that such a link stands for, by the service's SID; None without one.
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
    """A resource without a SID in its path."""

    @property
    def item_path(self) -> str:
        return self.path
