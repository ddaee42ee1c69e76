"""The path of every request: authenticate, read, perform, render."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from falcon.asgi import Request, Response

from parlour.api.answers import Answer, Answers
from parlour.api.arrivals import Arrivals
from parlour.api.auth import Authenticator
from parlour.api.body import JSON, Parameters
from parlour.api.collection import ALONE, IN_SERVICE, Call, Handler, Operation
from parlour.api.forms import decode_segment, parse_form
from parlour.api.hooks import Hooks
from parlour.api.idempotency import HEADER, Key, key_of, read_header
from parlour.store import Database, Transaction
from parlour.store.credentials import Account
from parlour.wire.paging import Page, envelope, read_page_request
from parlour.wire.profiles import Profile
from parlour.wire.resource import read_form, render

encode = msgspec.json.encode


class Pipeline:
    """Answers requests with what the operations' handlers return."""

    def __init__(
        self,
        database: Database,
        authenticate: Authenticator,
        hooks: Hooks,
        arrivals: Arrivals,
        public_url: Callable[[Request], str],
        profile: Profile,
    ) -> None:
        self._database, self._authenticate = database, authenticate
        self._hooks, self._arrivals = hooks, arrivals
        self._public_url, self._profile = public_url, profile
        self._answers = Answers()

    async def answer(
        self, operation: Operation, prefix: str, request: Request, response: Response, path: dict[str, str]
    ) -> None:
        account = await self._authenticate(request.get_header("Authorization"))
        request.scope["trace"].account_sid = account.sid
        call = self._call(account, prefix, request, path)
        if operation.writes:
            response.data = await self._write(operation, call, request)
        else:
            work = partial(self._read, operation, call, request.query_string)
            response.data = await self._database.read(work)
        response.status = operation.status
        response.content_type = None if response.data is None else JSON

    def forget(self) -> None:
        """Start anew with what is stored, where it was replaced and not changed."""
        self._answers = Answers()
        self._authenticate.forget()
        self._hooks.forget()

    def _call(self, account: Account, prefix: str, request: Request, path: dict[str, str]) -> Call:
        resource_path = request.path.partition(ALONE)[2]
        decoded = {name: decode_segment(each, resource_path) for name, each in path.items()}
        service_sid = decoded.get("ChatServiceSid")
        return Call(
            account.sid,
            account.default_chat_service_sid if service_sid is None else service_sid,
            account.default_chat_service_sid,
            decoded,
            resource_path,
            prefix,
            self._profile,
            self._public_url(request),
            (request.get_header("X-Twilio-Webhook-Enabled") or "").lower() == "true",
        )

    async def _write(self, operation: Operation, call: Call, request: Request) -> bytes | None:
        header = read_header(request.get_header(HEADER)) if operation.shows else None
        form: Parameters = {}
        if operation.accepts:
            form = await operation.collection.encoding.read(request)
            changes = read_form(operation.collection.resource, form, operation.accepts)
            call = msgspec.structs.replace(call, changes=changes)
        if header is None:
            result = await self._perform(operation, call, operation.perform)
            return encode(self._body(operation, call, result)) if operation.shows else None
        key = key_of(call.account_sid, header, [call.resource_path, sorted(form.items())])
        return await self._write_once(key, operation, call)

    async def _write_once(self, key: Key, operation: Operation, call: Call) -> bytes:
        def perform(tx: Transaction, call: Call) -> bytes:
            return key.once(tx, lambda tx: encode(self._body(operation, call, operation.perform(tx, call))))

        answered = await self._database.read(key.find)
        answer: bytes = answered or await self._perform(operation, call, perform)
        return answer

    async def _perform(self, operation: Operation, call: Call, handler: Handler) -> Any:
        if operation.locate is not None:
            call = await self._arrivals.admit(operation.locate, call)
        return await self._hooks.perform(operation, call, handler)

    def _read(self, operation: Operation, call: Call, query: str, tx: Transaction) -> bytes:
        if not operation.collection.is_part:
            return encode(self._show(operation, call, query, tx, None))
        whole = operation.find_parent(tx, call)
        asked = (call.account_sid, call.public_url + call.resource_path, query)
        kept = self._answers.find(asked, whole.sid, whole.version)
        if kept is None:
            kept = encode(self._show(operation, call, query, tx, whole))
            self._answers.keep(asked, Answer(whole.sid, whole.version, kept))
        return kept

    def _show(
        self, operation: Operation, call: Call, query: str, tx: Transaction, whole: Any
    ) -> dict[str, Any]:
        if not operation.is_list:
            return self._body(operation, call, operation.perform(tx, call))
        paging = read_page_request(parse_form(query.encode()), operation.filters, operation.max_page_size)
        call = msgspec.structs.replace(call, paging=paging)
        page: Page[Any] = operation.perform(tx, call)
        url = self._url(operation, call, {} if whole is None else {"ConversationSid": whole.sid})
        bodies = [render(row, f"{url}/{row.sid}", call.in_service) for row in page.rows]
        return envelope(page, paging, operation.collection.key, url, bodies)

    def _body(self, operation: Operation, call: Call, resource: Any) -> dict[str, Any]:
        names = {}
        if hasattr(resource, "conversation_sid"):
            names["ConversationSid"] = resource.conversation_sid
        if operation.collection.shown_as is not None:
            names["ChatServiceSid"] = resource.chat_service_sid
        url = self._url(operation, call, names)
        if operation.collection.item_path != operation.collection.path:
            url = f"{url}/{resource.sid}"
        return render(resource, url, operation.collection.is_in_service(call.prefix))

    def _url(self, operation: Operation, call: Call, names: dict[str, str]) -> str:
        """The collection's absolute URL, always with SIDs, in the form that was asked for."""
        shown_as = operation.collection.shown_as
        path = call.prefix + operation.collection.path if shown_as is None else IN_SERVICE + shown_as.path
        return call.public_url + path.format_map(call.path | names)
