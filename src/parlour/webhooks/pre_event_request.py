"""Pre-event webhooks: a request to a target, which may refuse a change or amend it.

The request is not a delivery: it is sent once, before the change is made, and is not stored.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, Protocol

import structlog

from parlour import errors
from parlour.store.credentials import Vault
from parlour.webhooks.outbox import idempotency_token
from parlour.webhooks.targets import DeliveryTarget
from parlour.wire.texts import BadText, read_json

if TYPE_CHECKING:
    from parlour.webhooks.sender import TargetReply

log = structlog.get_logger()

# The fields that a reply may replace, by event (contract: rest-of-api.md §17.3).
AMENDABLE = {
    "onMessageAdd": ("body", "author", "attributes"),
    "onMessageUpdate": ("body", "author", "attributes"),
    "onConversationAdd": ("friendly_name", "attributes"),
    "onConversationUpdate": ("friendly_name", "attributes"),
}


class SignedSender(Protocol):
    """A `webhooks.sender.Sender`, or one that is not loaded yet."""

    async def send(
        self, method: str, url: str, parameters: Mapping[str, str], auth_token: str, idempotency_token: str
    ) -> "TargetReply": ...


class PreEventRequest(NamedTuple):
    """A request to a target; its idempotency token is made of `sid`."""

    sid: str
    target: DeliveryTarget
    event: str
    parameters: Mapping[str, str]
    sealed_auth_token: str


async def send_pre_event(sender: SignedSender, vault: Vault, request: PreEventRequest) -> dict[str, str]:
    """Send the request and return the texts that replace the caller's, by field name.

    Raises 403/50056 when the target refuses the change.
    """
    token = vault.unseal(request.sealed_auth_token)
    url, method = request.target.url, request.target.method
    parameters = {**request.parameters, "RetryCount": "0"}
    reply = await sender.send(method, url, parameters, token, idempotency_token(request.sid))
    return amendments(request.event, reply)


def amendments(event: str, reply: "TargetReply") -> dict[str, str]:
    """Return what a reply replaces, by field name (contract: messages.md §7.2).

    Without a reply, and after one that is not understood, the change is made as it was sent. Raises 403/50056
    after a refusal.
    """
    if reply.status_code is None:
        return {}
    if reply.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        raise errors.WEBHOOK_CANCELLED()
    if reply.error is not None:
        log.warning("pre_event_answer_not_understood", event_type=event, reason=reply.error)
        return {}
    try:
        answer = read_json(reply.body)
    except BadText as reason:
        # Many targets reply a bare "OK", which is no JSON and not worth a line.
        if reply.body.lstrip().startswith(b"{"):
            log.warning("pre_event_answer_not_understood", event_type=event, reason=str(reason))
        return {}
    if reply.status_code != HTTPStatus.OK or not isinstance(answer, dict):
        return {}
    return {name: answer[name] for name in AMENDABLE.get(event, ()) if isinstance(answer.get(name), str)}
