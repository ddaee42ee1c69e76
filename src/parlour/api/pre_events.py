"""Pre-events: a webhook is asked before a change is made, and may amend or refuse it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from parlour.api.collection import Call, Handler, Operation
from parlour.api.conversation_hints import ConversationHints
from parlour.store import Database, LockKey, Transaction
from parlour.store.credentials import Vault
from parlour.webhooks.events import event_parameters
from parlour.webhooks.pre_event_request import PreEventRequest, SignedSender, send_pre_event
from parlour.webhooks.targets import FindPreEventTarget
from parlour.wire.resource import accepted_fields


class TargetExists(Exception):
    """There is a webhook to ask before this change."""


class PreEvents:
    """Makes changes, after asking webhooks. No transaction is open while a webhook is asked."""

    def __init__(
        self, database: Database, vault: Vault, sender: SignedSender, find_target: FindPreEventTarget
    ) -> None:
        self._database, self._vault, self._sender = database, vault, sender
        self._find_target = find_target
        self._hints = ConversationHints()

    def forget(self) -> None:
        """Drop the hints."""
        self._hints = ConversationHints()

    async def perform(self, operation: Operation, call: Call, work: Handler) -> Any:
        """Do the work, for a call that webhooks may have amended. Raises 403/50056 if one has refused it."""
        lock_key = self._hints.find(operation, call)
        if operation.before and call.fires:
            result = await self._ask_and_perform(operation, call, work, lock_key)
        else:
            result = await self._database.write(lambda tx: work(tx, call), lock_key)
        self._hints.learn(call, result)
        return result

    async def _ask_and_perform(
        self, operation: Operation, call: Call, work: Handler, lock_key: LockKey | None
    ) -> Any:
        find, events = self._find_target, operation.before
        try:
            return await self._database.write(
                lambda tx: perform_unasked(tx, find, work, events, call), lock_key
            )
        except TargetExists:
            pass
        for event in operation.before:
            call = await self._ask(operation, event, call, lock_key)
        return await self._database.write(lambda tx: work(tx, call), lock_key)

    async def _ask(self, operation: Operation, event: str, call: Call, lock_key: LockKey | None) -> Call:
        """Ask the webhook of an event, and return the call with its amendments."""
        find = self._find_target
        request = await self._database.rehearse(
            lambda tx: rehearse(tx, find, operation, event, call), lock_key
        )
        if request is None:
            return call
        return amend(operation, call, await send_pre_event(self._sender, self._vault, request))


def perform_unasked(
    tx: Transaction, find_target: FindPreEventTarget, work: Handler, events: Sequence[str], call: Call
) -> Any:
    """Do the work if there is no webhook to ask. Raises TargetExists otherwise."""
    if any(find_target(tx, call.account_sid, call.service_sid, event) is not None for event in events):
        raise TargetExists
    return work(tx, call)


def rehearse(
    tx: Transaction, find_target: FindPreEventTarget, operation: Operation, event: str, call: Call
) -> PreEventRequest | None:
    """Make the change and return the pre-event request about it, or None without a target.

    Raises what the change raises. The caller rolls the change back.
    """
    found = find_target(tx, call.account_sid, call.service_sid, event)
    subject = operation.perform(tx, call)
    if found is None:
        return None
    parameters = event_parameters(call, call.account_sid, event, subject)
    return PreEventRequest(tx.new_sid("WD"), found.target, event, parameters, found.sealed_auth_token)


def amend(operation: Operation, call: Call, amended: dict[str, str]) -> Call:
    """Return the call with amended values, each validated as if it had been sent."""
    accepted = accepted_fields(operation.collection.resource, operation.accepts)
    fields = {field.name: field for field in accepted.values()}
    changes = {name: fields[name].read(value) for name, value in amended.items()}
    return msgspec.structs.replace(call, changes=call.changes | changes)
