"""Handles every request: authenticates the caller, reads parameters, performs the operation, renders."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec

from parlour import errors
from parlour.api.auth import Authenticator
from parlour.api.body import JSON, SentParameters
from parlour.api.collection import ALONE, BOTH, IN_SERVICE, Call, Caller, FileCollection, Operation
from parlour.api.downloads import send_file
from parlour.api.exchange import ApiRequest, ApiResponse
from parlour.api.files import SignedLinks, Uploads
from parlour.api.forms import decode_segment, parse_form
from parlour.api.idempotency import HEADER, IdempotencyKey, key_of, read_header
from parlour.api.late_clients import LateInboundMedia
from parlour.api.pre_events import PreEvents
from parlour.api.response_cache import CachedAnswer, ResponseCache
from parlour.api.uploads import receive_file
from parlour.store import Database, Transaction
from parlour.store.blobs import Blobs
from parlour.wire.paging import Page, envelope, read_page_request
from parlour.wire.profiles import Profile
from parlour.wire.resource import read_form, render

encode = msgspec.json.encode


class PipelineParts(NamedTuple):
    """The parts that the pipeline uses. `public_url` returns the start of URLs in a request's answer."""

    database: Database
    blobs: Blobs
    authenticate: Authenticator
    pre_events: PreEvents
    uploads: Uploads
    inbound_media: LateInboundMedia
    links: SignedLinks
    public_url: Callable[[ApiRequest], str]
    profile: Profile


class Pipeline:
    """Answers requests with what the operations' handlers return."""

    def __init__(self, parts: PipelineParts) -> None:
        self._parts = parts
        self._database = parts.database
        self._cache = ResponseCache()

    async def answer(
        self, operation: Operation, prefix: str, request: ApiRequest, path: dict[str, str]
    ) -> ApiResponse:
        """Answer a request to an operation's path below `prefix`. Raises ApiError."""
        if operation.sends_file:
            caller = await self._identify(operation, request, path)
        else:
            caller = await self._parts.authenticate(request.header("Authorization"))
        request.trace.account_sid = caller.account_sid
        call = self._call(caller, prefix, request, path)
        if operation.sends_file:
            file = await self._database.read(lambda tx: operation.perform(tx, call))
            return await send_file(request, file, self._parts.blobs)
        body: bytes | None
        if operation.upload is not None:
            body = await self._upload(operation, call, request)
        elif operation.writes:
            call, body = await self._write(operation, call, request)
        else:
            body = await self._read(operation, call, request)
        return ApiResponse(operation.status_of(call), body, None if body is None else JSON)

    def forget(self) -> None:
        """Drop all caches. Called after a reset or a restored snapshot."""
        self._cache = ResponseCache()
        self._parts.authenticate.forget()
        self._parts.pre_events.forget()

    async def _identify(self, operation: Operation, request: ApiRequest, path: dict[str, str]) -> Caller:
        """Return the caller who asks for a file's content: by credentials or by a signed link."""
        files, query = operation.collection, parse_form(request.query.encode())
        if not isinstance(files, FileCollection) or "Signature" not in query:
            return await self._parts.authenticate(request.header("Authorization"))
        service_sid = path["ChatServiceSid"]
        self._parts.links.ensure_valid(service_sid, path["Sid"], query)
        owner = await self._database.read(lambda tx: files.owner(tx, service_sid))
        if owner is None:
            raise errors.NOT_FOUND(path=request.path.partition(ALONE)[2])
        return owner

    def _call(self, caller: Caller, prefix: str, request: ApiRequest, path: dict[str, str]) -> Call:
        resource_path = request.path.partition(ALONE)[2]
        decoded = {name: decode_segment(each, resource_path) for name, each in path.items()}
        return Call(
            caller,
            decoded.get("ChatServiceSid", caller.default_service_sid),
            decoded,
            resource_path,
            prefix,
            self._parts.profile,
            self._parts.public_url(request),
            (request.header("X-Twilio-Webhook-Enabled") or "").lower() == "true",
        )

    async def _write(
        self, operation: Operation, call: Call, request: ApiRequest
    ) -> tuple[Call, bytes | None]:
        """Perform the operation; return the call with the parameters that were sent, and the answer."""
        header = read_header(request.header(HEADER)) if operation.shows else None
        form: SentParameters = {}
        if operation.accepts:
            call, form = await self._with_changes(operation, call, request)
        key = None
        if header is not None:
            key = key_of(call.account_sid, header, [call.resource_path, sorted(form.items())])
        elif operation.find_key is not None:
            key = operation.find_key(call)
        if key is not None:
            answered = await self._database.read(key.find)
            if answered is not None:
                return call, answered
        if operation.locate is not None:
            call = await self._parts.inbound_media.fetch(operation.locate, call)
        work = operation.perform if key is None else partial(self._perform_once, key, operation)
        result = await self._parts.pre_events.perform(operation, call, work)
        if operation.collection.describes_caller:
            self._parts.authenticate.forget()
        if key is not None:
            return call, result
        return call, encode(self._body(operation, call, result)) if operation.shows else None

    def _perform_once(self, key: IdempotencyKey, operation: Operation, tx: Transaction, call: Call) -> bytes:
        return key.perform_once(
            tx, lambda tx: encode(self._body(operation, call, operation.perform(tx, call)))
        )

    async def _with_changes(
        self, operation: Operation, call: Call, request: ApiRequest
    ) -> tuple[Call, SentParameters]:
        """Return the call with the parameters that the operation accepts, and the form as it was sent."""
        form = await operation.collection.encoding.read(request)
        changes = read_form(operation.collection.resource, form, operation.accepts)
        return msgspec.structs.replace(call, changes=changes), form

    async def _upload(self, operation: Operation, call: Call, request: ApiRequest) -> bytes:
        header, receive = read_header(request.header(HEADER)), partial(receive_file, request)

        def encoded(row: Any) -> bytes:
            return encode(self._body(operation, call, row))

        if header is None:
            return encoded(await self._parts.uploads.take(call, receive))
        return await self._parts.uploads.take_once(call, receive, header, encoded)

    async def _read(self, operation: Operation, call: Call, request: ApiRequest) -> bytes:
        if operation.arrange is not None:
            call, _ = await self._with_changes(operation, call, request)
        work = self._cached if operation.collection.is_part else self._encoded
        return await self._database.read(partial(work, operation, call, request.query))

    def _encoded(self, operation: Operation, call: Call, query: str, tx: Transaction) -> bytes:
        return encode(self._show(operation, call, query, tx, {}))

    def _cached(self, operation: Operation, call: Call, query: str, tx: Transaction) -> bytes:
        parent = operation.find_parent(tx, call)
        key = (call.account_sid, call.public_url + call.resource_path, query)
        answer = self._cache.find(key, parent.sid, parent.version)
        if answer is None:
            answer = encode(self._show(operation, call, query, tx, {"ConversationSid": parent.sid}))
            self._cache.store(key, CachedAnswer(parent.sid, parent.version, answer))
        return answer

    def _show(
        self, operation: Operation, call: Call, query: str, tx: Transaction, parents: dict[str, str]
    ) -> Any:
        """Return the body of an answer. In URLs, the SIDs of `parents` replace unique names of the path."""
        if operation.arrange is not None:
            return operation.arrange(operation.perform(tx, call), partial(self._body, operation, call))
        if not operation.is_list:
            return self._body(operation, call, operation.perform(tx, call))
        paging = read_page_request(parse_form(query.encode()), operation.filters, operation.max_page_size)
        call = msgspec.structs.replace(call, paging=paging)
        page: Page[Any] = operation.perform(tx, call)
        url = self._url(operation, call, parents)
        form = operation.collection.form(call.prefix)
        bodies = [render(row, f"{url}/{row.sid}", form) for row in page.rows]
        return envelope(page, paging, operation.collection.key, url, bodies)

    def _body(self, operation: Operation, call: Call, resource: Any) -> dict[str, Any]:
        collection = operation.collection
        names = {}
        if hasattr(resource, "conversation_sid"):
            names["ConversationSid"] = resource.conversation_sid
        if collection.shown_as is not None:
            names["ChatServiceSid"] = resource.chat_service_sid
        url = self._url(operation, call, names)
        if collection.item_path != collection.path:
            url = f"{url}/{resource.sid}"
        body = render(resource, url, collection.form(call.prefix))
        if isinstance(collection, FileCollection):
            body["links"] = self._content_links(operation, call, resource)
        return body

    def _content_links(self, operation: Operation, call: Call, file: Any) -> dict[str, str]:
        links = {"content": f"{file.path}/Content"}
        if not operation.writes:
            # Not in the answer to an upload, which may be stored and sent again after the link has expired.
            links["content_direct_temporary"] = call.public_url + self._parts.links.make(file)
        return links

    def _url(self, operation: Operation, call: Call, names: dict[str, str]) -> str:
        """Return the collection's absolute URL, with SIDs and with the prefix of the request."""
        shown_as = operation.collection.shown_as
        prefix = call.prefix if shown_as is None or call.prefix in BOTH else IN_SERVICE
        path = prefix + (shown_as or operation.collection).path
        return call.public_url + path.format_map(call.path | names)
