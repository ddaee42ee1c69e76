"""The http adapter: posts each message, signed, to the operator's gateway, which posts its status back."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple, get_args

from parlour.channels.adapter import (
    MAX_CHANNEL_MESSAGE_SID_CHARACTERS,
    MAX_ERROR_CODE,
    UNKNOWN_ERROR,
    AdapterContext,
    BadChannel,
    NotSent,
    Outgoing,
    Report,
    Sent,
    Status,
    no_reports,
)
from parlour.webhooks.outbox import DELIVERED, PENDING, idempotency_token
from parlour.webhooks.sender import Sender
from parlour.webhooks.transport import status_after
from parlour.wire.texts import NUL, BadText, decode_text, parse_json
from parlour.wire.urls import is_http_url

# Besides null, the statuses of a gateway for messages that are not sent yet.
NOT_YET = frozenset({"accepted", "queued", "sending", "scheduled"})
UNCLEAR = "the message was taken, but not all of the gateway's answer was understood"
STATUSES: dict[str, Status] = {status: status for status in get_args(Status)}


class GatewayAnswer(NamedTuple):
    """The gateway's `{"sid": "SM…", "status": "queued"}`, or `{"error_code": 21211}`; each may be absent.

    `is_clear` is False if a value was left out because it has another form.
    """

    sid: str | None = None
    status: Status | None = "sent"
    error_code: int | None = None
    is_clear: bool = True


class Gateway:
    """Posts the delivery's parameters as a form, with links to the media and to the status callback."""

    def __init__(self, context: AdapterContext) -> None:
        url = context.settings["gateway_url"]
        if url is None or not is_http_url(url):
            raise BadChannel("a channel with the adapter http needs --gateway-url, http:// or https://")
        self._url: str = url
        self._context = context
        # Private addresses are allowed: only the operator can set the gateway's URL.
        self._sender = Sender(allow_private=True)

    async def send(self, outgoing: Outgoing) -> Sent:
        reply = await self._sender.send(
            "POST", self._url, self._form(outgoing), outgoing.auth_token, idempotency_token(outgoing.sid)
        )
        answer = read_answer(reply.body)
        status = status_after(reply)
        if status != DELIVERED:
            raise NotSent(
                reply.error or f"the gateway answered {reply.status_code}",
                again=status == PENDING,
                error_code=answer.error_code or UNKNOWN_ERROR,
                status_code=reply.status_code,
            )
        report = outgoing.report(
            answer.status,
            channel_message_sid=answer.sid,
            error_code=answer.error_code,
        )
        remark = reply.error or (None if answer.is_clear else UNCLEAR)
        return Sent([report], reply.status_code, remark)

    def _form(self, outgoing: Outgoing) -> dict[str, str]:
        links = {
            f"MediaUrl{place}": self._context.media_url(outgoing, each)
            for place, each in enumerate(outgoing.media)
        }
        return {
            **outgoing.parameters,
            **links,
            "NumMedia": str(len(links)),
            "StatusCallback": self._context.callback_url(outgoing),
            "RetryCount": str(outgoing.tries),
        }

    def reports(self) -> AsyncIterator[Report]:
        # The gateway posts them to StatusCallback.
        return no_reports()

    async def close(self) -> None:
        await self._sender.close()


def read_answer(body: bytes) -> GatewayAnswer:
    """Return the values of an answer that have the right form and can be stored. An empty body is fine."""
    if not body:
        return GatewayAnswer()
    try:
        answer = parse_json(decode_text(body), Any)
    except BadText:
        return GatewayAnswer(is_clear=False)
    if not isinstance(answer, dict):
        return GatewayAnswer(is_clear=False)
    sid, error_code = answer.get("sid"), answer.get("error_code")
    has_sid = isinstance(sid, str) and 0 < len(sid) <= MAX_CHANNEL_MESSAGE_SID_CHARACTERS and NUL not in sid
    has_code = type(error_code) is int and abs(error_code) <= MAX_ERROR_CODE
    status, is_known = status_in(answer)
    return GatewayAnswer(
        sid if has_sid else None,
        status,
        error_code if has_code else None,
        is_known and (has_sid or sid is None) and (has_code or error_code is None),
    )


def status_in(answer: Mapping[str, Any]) -> tuple[Status | None, bool]:
    """Return the status, and whether we know it. An unknown one counts as sent, after an answer of 2xx."""
    status = answer.get("status", "sent")
    if status is None or (isinstance(status, str) and status in NOT_YET):
        return None, True
    known = STATUSES.get(status) if isinstance(status, str) else None
    return known or "sent", known is not None
