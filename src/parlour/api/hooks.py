"""Before a change is made, whoever wants to be asked is asked: rehearsed, asked about, amended or refused."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from parlour.api.collection import Call, Handler, Operation
from parlour.api.places import Places
from parlour.store import About, Database, Transaction
from parlour.store.credentials import Account, Vault
from parlour.webhooks.events import event_parameters
from parlour.webhooks.pre_event_request import PreEventRequest, send_pre_event
from parlour.webhooks.sender import Sender
from parlour.webhooks.targets import FindPreEventTarget
from parlour.wire.resource import accepted_fields


class Wanted(Exception):
    """Somebody wants to be asked."""


class Hooks:
    """No transaction is open while a target is asked."""

    def __init__(
        self, database: Database, vault: Vault, sender: Sender, find_target: FindPreEventTarget
    ) -> None:
        self._database, self._vault, self._sender = database, vault, sender
        self._find_target = find_target
        self._places = Places()

    def forget(self) -> None:
        self._places = Places()

    async def perform(self, operation: Operation, call: Call, handler: Handler) -> Any:
        """What `handler` gives, of a call that may have been amended; or 403/50056."""
        result = await self._perform(operation, call, handler, self._places.find(operation, call))
        self._places.learn(call, result)
        return result

    async def _perform(self, operation: Operation, call: Call, handler: Handler, about: About | None) -> Any:
        event, find = operation.before, self._find_target
        if event is None or not call.fires:
            return await self._database.write(lambda tx: handler(tx, call), about)
        try:
            return await self._database.write(
                lambda tx: perform_unasked(tx, find, handler, event, call), about
            )
        except Wanted:
            question = await self._database.rehearse(
                lambda tx: rehearse(tx, find, operation, event, call), about
            )
        amended = {} if question is None else await send_pre_event(self._sender, self._vault, question)
        asked = amend(operation, call, amended)
        return await self._database.write(lambda tx: handler(tx, asked), about)


class Farewell:
    """Closes the connections to others when the server stops."""

    def __init__(self, *closing: Callable[[], Awaitable[None]]) -> None:
        self._closing = closing

    async def process_shutdown(self, _: object, __: object) -> None:
        for close in self._closing:
            await close()


def perform_unasked(
    tx: Transaction, find_target: FindPreEventTarget, handler: Handler, event: str, call: Call
) -> Any:
    if find_target(tx, call.account_sid, call.service_sid, event) is not None:
        raise Wanted
    return handler(tx, call)


def rehearse(
    tx: Transaction, find_target: FindPreEventTarget, operation: Operation, event: str, call: Call
) -> PreEventRequest | None:
    """What would happen, put as a question; raises what the change would raise."""
    target = find_target(tx, call.account_sid, call.service_sid, event)
    account = tx.find(Account, sid=call.account_sid)
    subject = operation.perform(tx, call)
    if target is None or account is None:
        return None
    parameters = event_parameters(call, call.account_sid, event, subject)
    return PreEventRequest(tx.new_sid("WD"), target, event, parameters, account.sealed_auth_token)


def amend(operation: Operation, call: Call, amended: dict[str, str]) -> Call:
    """The call with other values, each read as if it had been sent."""
    accepted = accepted_fields(operation.collection.resource, operation.accepts)
    fields = {field.name: field for field in accepted.values()}
    changes = {name: fields[name].read(value) for name, value in amended.items()}
    return msgspec.structs.replace(call, changes=call.changes | changes)
