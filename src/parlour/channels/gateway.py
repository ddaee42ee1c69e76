"""The http adapter: posts each message, signed, to a gateway of the operator's, which reports back to us."""

from collections.abc import AsyncIterator
from typing import get_args

import msgspec

from parlour.channels.adapter import (
    UNKNOWN_ERROR,
    BadChannel,
    NotSent,
    Outgoing,
    Report,
    Sent,
    Status,
    Surroundings,
    no_reports,
)
from parlour.webhooks.outbox import DELIVERED, PENDING, idempotency_token
from parlour.webhooks.poster import status_after
from parlour.webhooks.sender import Sender
from parlour.wire.kinds import is_http_url

# Words of a gateway for what is not sent yet, beside null.
NOT_YET = frozenset({"accepted", "queued", "sending", "scheduled"})
STATUSES: dict[str, Status] = {status: status for status in get_args(Status)}


class Answer(msgspec.Struct):
    """`{"sid": "SM…", "status": "queued"}`, or `{"error_code": 21211}`; any of it may be absent."""

    sid: str | None = None
    status: str | None = "sent"
    error_code: int | None = None


class Gateway:
    """The form is that of the delivery, with the links that the receiver needs."""

    def __init__(self, surroundings: Surroundings) -> None:
        url = surroundings.settings["gateway_url"]
        if url is None or not is_http_url(url):
            raise BadChannel("a channel that is carried by http needs --gateway-url, http:// or https://")
        self._url: str = url
        self._surroundings = surroundings
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
            status_in(answer),
            channel_message_sid=answer.sid,
            error_code=answer.error_code,
        )
        return Sent([report], reply.status_code)

    def _form(self, outgoing: Outgoing) -> dict[str, str]:
        links = {
            f"MediaUrl{place}": self._surroundings.media_url(outgoing, each)
            for place, each in enumerate(outgoing.media)
        }
        return {
            **outgoing.parameters,
            **links,
            "NumMedia": str(len(links)),
            "StatusCallback": self._surroundings.callback_url(outgoing),
            "RetryCount": str(outgoing.tries),
        }

    def reports(self) -> AsyncIterator[Report]:
        # They are posted to StatusCallback.
        return no_reports()

    async def close(self) -> None:
        await self._sender.close()


def read_answer(body: bytes) -> Answer:
    try:
        return msgspec.json.decode(body, type=Answer)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return Answer()


def status_in(answer: Answer) -> Status | None:
    """Of a gateway that says nothing that we understand, the message is sent when it answers 2xx."""
    if answer.status is None or answer.status in NOT_YET:
        return None
    return STATUSES.get(answer.status, "sent")
