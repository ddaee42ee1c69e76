"""The poster: carries one delivery to its target by HTTP, and says what came of it."""

from http import HTTPStatus

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


class Poster:
    """Carries webhooks; `studio_url` is where those to flows go."""

    def __init__(self, sender: Sender, studio_url: str | None) -> None:
        self._sender, self._studio_url = sender, studio_url

    async def carry(self, delivery: WebhookDelivery, auth_token: str, at: int, tries: int) -> Outcome:
        """The outcome of the try after `tries` others, begun at `at` (milliseconds since 1970)."""
        parameters = parameters_in(delivery.parameters) | {"RetryCount": str(tries)}
        url = self._address(delivery.target_url)
        if url is None:
            return Outcome(delivery, Attempt(at, 0, error="no studio URL is set"), FAILED)
        reply = await self._sender.send(
            delivery.method, url, parameters, auth_token, idempotency_token(delivery.sid)
        )
        attempt = Attempt(at, reply.milliseconds, reply.status_code, reply.error)
        return Outcome(delivery, attempt, status_after(reply))

    async def close(self) -> None:
        await self._sender.close()

    def _address(self, target_url: str) -> str | None:
        if not target_url.startswith(STUDIO):
            return target_url
        flow_sid = target_url.removeprefix(STUDIO)
        return None if self._studio_url is None else self._studio_url.replace("{FlowSid}", flow_sid)


def status_after(reply: Reply) -> str:
    """Repeated after no answer, 429 and 5xx; any other answer is final."""
    if reply.status_code is None:
        return FAILED if reply.is_final else PENDING
    if reply.status_code // 100 == HTTPStatus.OK // 100:
        return DELIVERED
    passing = reply.status_code == HTTPStatus.TOO_MANY_REQUESTS
    return PENDING if passing or reply.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else FAILED
