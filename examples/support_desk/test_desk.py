"""Tests of the support desk with the official client. They do not depend on Parlour."""

import uuid

import pytest
from desk import Desk
from twilio.base.exceptions import TwilioRestException

CLOSED = 50377


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture
def customer():
    return f"customer-{uuid.uuid4()}"


def test_a_ticket_holds_what_was_said_in_order(desk, customer):
    ticket = desk.open_ticket(customer, "My kettle is leaking.")
    desk.reply(ticket, "agent", "Since when?")
    desk.reply(ticket, customer, "Since Tuesday.")

    assert list(desk.transcript(ticket)) == [
        f"{customer}: My kettle is leaking.",
        "agent: Since when?",
        f"{customer}: Since Tuesday.",
    ]


def test_a_long_transcript_is_read_to_its_end(desk, customer):
    ticket = desk.open_ticket(customer, "0")
    for n in range(1, 60):
        desk.reply(ticket, "agent", str(n))

    assert len(list(desk.transcript(ticket))) == 60


def test_tickets_are_found_by_their_customer(desk, customer):
    tickets = {desk.open_ticket(customer, "One."), desk.open_ticket(customer, "Two.")}
    desk.open_ticket("somebody else", "Three.")

    assert set(desk.tickets_of(customer)) == tickets


def test_a_closed_ticket_takes_no_replies(desk, customer):
    ticket = desk.open_ticket(customer, "Never mind.")
    desk.close(ticket)
    with pytest.raises(TwilioRestException) as refused:
        desk.reply(ticket, "agent", "Too late")

    assert refused.value.code == CLOSED
