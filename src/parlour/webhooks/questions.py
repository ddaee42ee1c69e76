"""Pre-event webhooks: a target is asked whether a change may be, and how."""

from http import HTTPStatus
from typing import NamedTuple

import structlog

from parlour import errors
from parlour.store.credentials import Vault
from parlour.webhooks.outbox import idempotency_token, parameters_in
from parlour.webhooks.sender import Reply, Sender
from parlour.webhooks.targets import Target
from parlour.wire.texts import BadText, read_json

log = structlog.get_logger()

# What an answer may change, by the resource it is about (contract: rest-of-api.md §17.3).
AMENDABLE = {
    "onMessageAdd": ("body", "author", "attributes"),
    "onMessageUpdate": ("body", "author", "attributes"),
    "onConversationAdd": ("friendly_name", "attributes"),
    "onConversationUpdate": ("friendly_name", "attributes"),
}


class Question(NamedTuple):
    """What is asked of whom; `sid` names the occasion."""

    sid: str
    target: Target
    event: str
    parameters: str
    sealed_auth_token: str


async def ask(sender: Sender, vault: Vault, question: Question) -> dict[str, str]:
    """The texts to put in place of what was sent, by field name; 403/50056 when the target refuses."""
    parameters = parameters_in(question.parameters) | {"RetryCount": "0"}
    token = vault.unseal(question.sealed_auth_token)
    target = question.target
    reply = await sender.send(target.method, target.url, parameters, token, idempotency_token(question.sid))
    return amendments(question.event, reply)


def amendments(event: str, reply: Reply) -> dict[str, str]:
    """Contract: messages.md §7.2. No answer, or one that is not understood, lets the change pass."""
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
        # Many answer a bare "OK", which says nothing and is not worth a line.
        if reply.body.lstrip().startswith(b"{"):
            log.warning("pre_event_answer_not_understood", event_type=event, reason=str(reason))
        return {}
    if reply.status_code != HTTPStatus.OK or not isinstance(answer, dict):
        return {}
    return {name: answer[name] for name in AMENDABLE.get(event, ()) if isinstance(answer.get(name), str)}
