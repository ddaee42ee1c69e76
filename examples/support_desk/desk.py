"""A support desk on the Conversations API, whose tickets are conversations. It does not depend on Parlour.

The client takes its credentials from TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN, as in production.
"""

import json
from collections.abc import Iterator
from typing import Any

from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

TOO_MANY_REQUESTS = 429
TRIES = 3


class Desk:
    def __init__(self) -> None:
        self._conversations = Client().conversations.v1.conversations

    def open_ticket(self, customer: str, question: str) -> str:
        """Create a ticket and return its SID."""
        ticket = self._conversations.create(
            friendly_name=question[:50], attributes=json.dumps({"customer": customer})
        )
        ticket.participants.create(identity=customer)
        ticket.messages.create(author=customer, body=question)
        return str(ticket.sid)

    def reply(self, ticket: str, agent: str, text: str) -> None:
        """Send a reply. Tries up to TRIES times while the service is busy."""
        for tries_left in reversed(range(TRIES)):
            try:
                self._conversations(ticket).messages.create(author=agent, body=text)
            except TwilioRestException as error:
                if error.status != TOO_MANY_REQUESTS or not tries_left:
                    raise
            else:
                return

    def transcript(self, ticket: str) -> Iterator[str]:
        for message in self._conversations(ticket).messages.stream():
            yield f"{message.author}: {message.body}"

    def tickets_of(self, customer: str) -> list[Any]:
        found = self._conversations.list()
        return [each.sid for each in found if json.loads(each.attributes).get("customer") == customer]

    def close(self, ticket: str) -> None:
        self._conversations(ticket).update(state="closed")
