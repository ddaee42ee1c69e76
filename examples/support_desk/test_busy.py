"""Tests of the desk while the service is busy. They use Parlour's fixtures."""

import pytest
from desk import TRIES, Desk
from twilio.base.exceptions import TwilioRestException

pytestmark = pytest.mark.usefixtures("parlour_environment")


def test_a_busy_service_is_asked_again(parlour_faults):
    desk = Desk()
    ticket = desk.open_ticket("customer", "Hello?")
    parlour_faults.status(429, method="POST", path="*/Messages", count=TRIES - 1)
    desk.reply(ticket, "agent", "Here I am.")

    assert list(desk.transcript(ticket)) == ["customer: Hello?", "agent: Here I am."]


def test_a_service_that_stays_busy_is_not_asked_for_ever(parlour, parlour_faults):
    desk = Desk()
    ticket = desk.open_ticket("customer", "Hello?")
    parlour_faults.status(429, method="POST", path="*/Messages")
    with pytest.raises(TwilioRestException) as refused:
        desk.reply(ticket, "agent", "Here I am.")

    assert refused.value.status == 429
    assert [each["status"] for each in parlour.requests].count(429) == TRIES


def test_every_test_begins_with_an_empty_desk():
    assert Desk().tickets_of("customer") == []
