"""The path of every request: authenticate, read, perform, render."""

from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from falcon.asgi import Request, Response

from parlour import errors
from parlour.api.answers import Answer, Answers
from parlour.api.auth import Authenticator
from parlour.api.body import read_parameters
from parlour.api.collection import Call, Operation
from parlour.api.forms import parse_form
from parlour.api.idempotency import HEADER, Key, read_key
from parlour.store import Database, Transaction
from parlour.store.credentials import Account
from parlour.wire.paging import Page, envelope, read_page_request
from parlour.wire.profiles import Profile
from parlour.wire.resource import read_form, render

encode = msgspec.json.encode

JSON = "application/json"


class Pipeline:
    """Answers requests with what the operations' handlers return."""

    def __init__(
        self,
        database: Database,
        authenticate: Authenticator,
        public_url: Callable[[Request], str],
        profile: Profile,
    ) -> None:
        self._database, self._authenticate = database, authenticate
        self._public_url, self._profile = public_url, profile
        self._answers = Answers()

    async def answer(
        self, operation: Operation, request: Request, response: Response, path: dict[str, str]
    ) -> None:
        account = await self._authenticate(request.get_header("Authorization"))
        request.scope["trace"].account_sid = account.sid
        call = self._call(account, request, path)
        if operation.writes:
            response.data = await self._write(operation, call, request)
        else:
            response.data = await self._read(operation, call, request.query_string)
        response.status = operation.status
        response.content_type = None if response.data is None else JSON

    def forget(self) -> None:
        """Start anew with what is stored, where it was replaced and not changed."""
        self._answers = Answers()
        self._authenticate.forget()

    def _call(self, account: Account, request: Request, path: dict[str, str]) -> Call:
        resource_path = request.path[len("/v1") :]
        decoded = {name: decode(each, resource_path) if "%" in each else each for name, each in path.items()}
        service_sid = decoded.get("ChatServiceSid")
        return Call(
            account.sid,
            account.default_chat_service_sid if service_sid is None else service_sid,
            account.default_chat_service_sid,
            decoded,
            resource_path,
            service_sid is not None,
            self._profile,
            self._public_url(request),
        )

    async def _write(self, operation: Operation, call: Call, request: Request) -> bytes | None:
        key = None
        if operation.accepts:
            form = await read_parameters(request)
            changes = read_form(operation.collection.resource, form, operation.accepts)
            key = read_key(request.get_header(HEADER), call, form)
            call = msgspec.structs.replace(call, changes=changes)
        if key is not None:
            return await self._write_once(key, operation, call)
        result = await self._database.write(lambda tx: operation.handler(tx, call))
        return encode(self._body(operation, call, result)) if operation.shows else None

    async def _write_once(self, key: Key, operation: Operation, call: Call) -> bytes:
        def perform(tx: Transaction) -> bytes:
            return encode(self._body(operation, call, operation.handler(tx, call)))

        return await self._database.write(lambda tx: key.once(tx, perform))

    async def _read(self, operation: Operation, call: Call, query: str) -> bytes:
        within = operation.collection.within
        if within is None:
            body, _ = await self._database.read(partial(self._render, operation, call, query))
            return body
        asked = (call.account_sid, call.public_url + call.resource_path, query)
        commits = self._database.commits_seen()
        kept = self._answers.find(asked)
        if kept is not None:
            if commits is not None and kept.commits == commits:
                return kept.body
            whole = self._database.glance(lambda tx: within(tx, call))
            if (whole.sid, whole.version) == (kept.sid, kept.version):
                self._answers.confirm(asked, kept, commits)
                return kept.body
        body, whole = await self._database.read(partial(self._render, operation, call, query))
        self._answers.keep(asked, Answer(whole.sid, whole.version, commits, body))
        return body

    def _render(self, operation: Operation, call: Call, query: str, tx: Transaction) -> tuple[bytes, Any]:
        """The answer's bytes, and the resource that they are part of."""
        within = operation.collection.within
        whole = None if within is None else within(tx, call)
        return encode(self._show(operation, call, query, tx, whole)), whole

    def _show(
        self, operation: Operation, call: Call, query: str, tx: Transaction, whole: Any
    ) -> dict[str, Any]:
        if not operation.is_list:
            return self._body(operation, call, operation.handler(tx, call))
        paging = read_page_request(parse_form(query.encode()), operation.filters, operation.max_page_size)
        call = msgspec.structs.replace(call, paging=paging)
        page: Page[Any] = operation.handler(tx, call)
        url = self._url(operation, call, None if whole is None else whole.sid)
        bodies = [render(row, f"{url}/{row.sid}", call.in_service) for row in page.rows]
        return envelope(page, paging, operation.collection.key, url, bodies)

    def _body(self, operation: Operation, call: Call, resource: Any) -> dict[str, Any]:
        url = self._url(operation, call, getattr(resource, "conversation_sid", None))
        if operation.collection.item_path != operation.collection.path:
            url = f"{url}/{resource.sid}"
        return render(resource, url, call.in_service)

    def _url(self, operation: Operation, call: Call, conversation_sid: str | None) -> str:
        """The collection's absolute URL, always with SIDs, in the form that was asked for."""
        names = call.path if conversation_sid is None else call.path | {"ConversationSid": conversation_sid}
        prefix = f"/v1/Services/{call.service_sid}" if call.in_service else "/v1"
        return f"{call.public_url}{prefix}{operation.collection.path.format_map(names)}"


def decode(segment: str, resource_path: str) -> str:
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise errors.NOT_FOUND(path=resource_path) from None
    if "\0" in text:
        raise errors.NOT_FOUND(path=resource_path)
    return text
