"""The transport of webhooks: attempts one delivery by an HTTP request, and judges the reply."""

from http import HTTPStatus
from typing import NamedTuple

from parlour.webhooks.delivery_queue import Outcome, PendingDelivery
from parlour.webhooks.outbox import DELIVERED, FAILED, PENDING, Attempt, idempotency_token
from parlour.webhooks.sender import Sender, TargetReply
from parlour.webhooks.targets import STUDIO


class Studio(NamedTuple):
    """Where the operator has webhooks to flows sent, and the sender that may go there."""

    url: str
    sender: Sender


class WebhookTransport:
    """Sends webhooks by HTTP; those to flows go to `studio`, and fail without it."""

    def __init__(self, sender: Sender, studio: Studio | None) -> None:
        self._sender, self._studio = sender, studio

    async def attempt(self, delivery: PendingDelivery, auth_token: str, at: int) -> Outcome:
        """Send a delivery and return the outcome; `at` is now, in milliseconds since 1970."""
        row = delivery.row
        parameters = {**delivery.parameters, "RetryCount": str(delivery.attempts)}
        sender, url = self._sender, row.target_url
        if url.startswith(STUDIO):
            if self._studio is None:
                return Outcome(delivery, Attempt(at, 0, error="no studio URL is set"), FAILED)
            sender = self._studio.sender
            url = self._studio.url.replace("{FlowSid}", url.removeprefix(STUDIO))
        reply = await sender.send(row.method, url, parameters, auth_token, idempotency_token(row.sid))
        attempt = Attempt(at, reply.milliseconds, reply.status_code, reply.error)
        return Outcome(delivery, attempt, status_after(reply))

    async def close(self) -> None:
        await self._sender.close()
        if self._studio is not None:
            await self._studio.sender.close()


def status_after(reply: TargetReply) -> str:
    """Return DELIVERED for 2xx, PENDING for no reply, 429 and 5xx, and FAILED for any other reply."""
    if reply.status_code is None:
        return FAILED if reply.is_final else PENDING
    if reply.status_code // 100 == HTTPStatus.OK // 100:
        return DELIVERED
    may_pass = reply.status_code == HTTPStatus.TOO_MANY_REQUESTS
    return PENDING if may_pass or reply.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else FAILED
