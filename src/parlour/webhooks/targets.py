"""The target of a delivery: a webhook's URL, a flow, or a participant on another channel."""

from collections.abc import Callable
from typing import NamedTuple

from parlour.store import Transaction

# The schemes of target URLs that lead to no web server: a flow, or another channel.
STUDIO = "studio:"
CHANNEL = "channel:"


class DeliveryTarget(NamedTuple):
    """Where a delivery goes, and by which HTTP method.

    `sid` is that of the conversation's webhook, of the service or account whose webhooks are meant, or of the
    participant on another channel.
    """

    sid: str
    url: str
    method: str

    @property
    def throttle_key(self) -> str:
        """Lanes with the same key are served a few at a time: the lanes of a target, or of a channel."""
        return self.url if self.url.startswith(CHANNEL) else self.sid


class PreEventTarget(NamedTuple):
    """The target that is asked before a change, and the sealed auth token that the request is signed with."""

    target: DeliveryTarget
    sealed_auth_token: str


# Finds the target of a pre-event webhook, by the SIDs of account and service and the event's name. Resources
# implement it.
FindPreEventTarget = Callable[[Transaction, str, str, str], PreEventTarget | None]
