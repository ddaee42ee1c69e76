"""The http adapter: posts each message, signed, to a gateway of the operator's, which reports back to us."""

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
from parlour.webhooks.poster import status_after
from parlour.webhooks.sender import Sender
from parlour.wire.texts import NUL, BadText, decode_text, parse_json
from parlour.wire.urls import is_http_url

# Words of a gateway for what is not sent yet, beside null.
NOT_YET = frozenset({"accepted", "queued", "sending", "scheduled"})
UNCLEAR = "the message was taken, but not all of the gateway's answer was understood"
STATUSES: dict[str, Status] = {status: status for status in get_args(Status)}


class Answer(NamedTuple):
    """`{"sid": "SM…", "status": "queued"}`, or `{"error_code": 21211}`; any of it may be absent.

    `is_clear` unless something is there that we cannot make sense of, and left out.
    """

    sid: str | None = None
    status: Status | None = "sent"
    error_code: int | None = None
    is_clear: bool = True


class Gateway:
    """The form is that of the delivery, with the links that the receiver needs."""

    def __init__(self, context: AdapterContext) -> None:
        url = context.settings["gateway_url"]
        if url is None or not is_http_url(url):
            raise BadChannel("a channel that is carried by http needs --gateway-url, http:// or https://")
        self._url: str = url
        self._context = context
        # The operator says where the gateway is; nobody else can.
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
        # They are posted to StatusCallback.
        return no_reports()

    async def close(self) -> None:
        await self._sender.close()


def read_answer(body: bytes) -> Answer:
    """Read what can be understood and stored of an answer; an empty one says nothing."""
    if not body:
        return Answer()
    try:
        said = parse_json(decode_text(body), Any)
    except BadText:
        return Answer(is_clear=False)
    if not isinstance(said, dict):
        return Answer(is_clear=False)
    sid, error_code = said.get("sid"), said.get("error_code")
    has_sid = isinstance(sid, str) and 0 < len(sid) <= MAX_CHANNEL_MESSAGE_SID_CHARACTERS and NUL not in sid
    has_code = type(error_code) is int and abs(error_code) <= MAX_ERROR_CODE
    status, is_known = status_in(said)
    return Answer(
        sid if has_sid else None,
        status,
        error_code if has_code else None,
        is_known and (has_sid or sid is None) and (has_code or error_code is None),
    )


def status_in(said: Mapping[str, Any]) -> tuple[Status | None, bool]:
    """The status, and whether it is one that we know. A message is sent when the gateway answers 2xx."""
    status = said.get("status", "sent")
    if status is None or (isinstance(status, str) and status in NOT_YET):
        return None, True
    known = STATUSES.get(status) if isinstance(status, str) else None
    return known or "sent", known is not None
