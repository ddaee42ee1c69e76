"""The poster: carries one delivery to its target by HTTP, and says what came of it."""

from http import HTTPStatus
from typing import NamedTuple

from parlour.webhooks.carriage import Outcome
from parlour.webhooks.outbox import (
    DELIVERED,
    FAILED,
    PENDING,
    Attempt,
    WebhookDelivery,
    idempotency_token,
    parameters_in,
)
from parlour.webhooks.sender import Reply, Sender
from parlour.webhooks.targets import STUDIO


class Studio(NamedTuple):
    """Where webhooks to flows go, by the operator's word, and the sender that may go there."""

    url: str
    sender: Sender


class Poster:
    """Sends webhooks by HTTP; those to flows go to `studio`."""

    def __init__(self, sender: Sender, studio: Studio | None) -> None:
        self._sender, self._studio = sender, studio

    async def carry(self, delivery: WebhookDelivery, auth_token: str, at: int, tries: int) -> Outcome:
        """The outcome of the try after `tries` others, begun at `at` (milliseconds since 1970)."""
        parameters = parameters_in(delivery.parameters) | {"RetryCount": str(tries)}
        sender, url = self._sender, delivery.target_url
        if url.startswith(STUDIO):
            if self._studio is None:
                return Outcome(delivery, Attempt(at, 0, error="no studio URL is set"), FAILED)
            sender = self._studio.sender
            url = self._studio.url.replace("{FlowSid}", url.removeprefix(STUDIO))
        reply = await sender.send(
            delivery.method, url, parameters, auth_token, idempotency_token(delivery.sid)
        )
        attempt = Attempt(at, reply.milliseconds, reply.status_code, reply.error)
        return Outcome(delivery, attempt, status_after(reply))

    async def close(self) -> None:
        await self._sender.close()
        if self._studio is not None:
            await self._studio.sender.close()


def status_after(reply: Reply) -> str:
    """Repeated after no answer, 429 and 5xx; any other answer is final."""
    if reply.status_code is None:
        return FAILED if reply.is_final else PENDING
    if reply.status_code // 100 == HTTPStatus.OK // 100:
        return DELIVERED
    passing = reply.status_code == HTTPStatus.TOO_MANY_REQUESTS
    return PENDING if passing or reply.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else FAILED
