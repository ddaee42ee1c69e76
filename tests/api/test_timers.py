"""Timers that run out: a conversation becomes inactive and closed, once for each timer, in their order."""

import asyncio

import pytest

from parlour.resources.timer_runner import TIMERS_PER_STEP, run_due_timers
from parlour.store import Database

pytestmark = pytest.mark.core

BOTH = {"Timers.Inactive": "PT1H", "Timers.Closed": "PT2H"}
PAIR = {"MessagingBinding.Address": "+15550100001", "MessagingBinding.ProxyAddress": "+15550100002"}


@pytest.fixture
def run_timers(running):
    """Runs the timers that are due, as a worker does that finds them."""
    database = Database(running.storage.engine(), running.clock, running.database._new_sid)
    yield lambda: asyncio.run(run_due_timers(database))
    database.close()


@pytest.fixture
def events(api, service):
    """The account's events of state, oldest first: the parameters of each."""
    form = {"PostWebhookUrl": "http://127.0.0.1:9/", "Filters": ["onConversationStateUpdated"]}
    assert api.post(f"{service}/Configuration/Webhooks", form).status_code == 200

    def events():
        page = api.get(f"{api.url}/parlour/v1/WebhookDeliveries", PageSize=100).json()
        return [each["parameters"] for each in page["webhook_deliveries"][::-1]]

    return events


def make(api, service, form):
    answer = api.post(f"{service}/Conversations", form)
    assert answer.status_code == 201, answer.text
    return answer.json()


def changes_of(events):
    return [(each["StateFrom"], each["StateTo"], each["Reason"], each["StateUpdated"]) for each in events]


def test_a_conversation_becomes_inactive_and_then_closed(api, service, clock, run_timers, events):
    made = make(api, service, BOTH)
    clock.advance(minutes=59, seconds=59)
    run_timers()
    assert api.get(made["url"]).json() == made

    clock.advance(seconds=1)
    run_timers()
    closes = {"date_closed": "2024-01-01T02:00:00Z"}
    # The timer is no edit, so `date_updated` stays.
    assert api.get(made["url"]).json() == made | {"state": "inactive", "timers": closes}

    clock.advance(hours=1)
    run_timers()
    assert api.get(made["url"]).json() == made | {"state": "closed", "timers": {}}
    assert events() == [
        {
            "AccountSid": made["account_sid"],
            "EventType": "onConversationStateUpdated",
            "ChatServiceSid": made["chat_service_sid"],
            "ConversationSid": made["sid"],
            "StateUpdated": at,
            "StateFrom": before,
            "StateTo": after,
            "Reason": "TIMER",
        }
        for before, after, at in (
            ("active", "inactive", "2024-01-01T01:00:00.000Z"),
            ("inactive", "closed", "2024-01-01T02:00:00.000Z"),
        )
    ]
    run_timers()
    assert len(events()) == 2


@pytest.mark.parametrize(
    "form", [{"Timers.Closed": "PT1H"}, {"Timers.Closed": "PT1H", "Timers.Inactive": "PT1H"}]
)
def test_it_closes_from_active_if_no_other_timer_is_due_before(api, service, clock, run_timers, events, form):
    made = make(api, service, form)
    clock.advance(hours=3)
    run_timers()

    assert api.get(made["url"]).json()["state"] == "closed"
    assert changes_of(events()) == [("active", "closed", "TIMER", "2024-01-01T01:00:00.000Z")]


def test_an_inactive_conversation_closes_by_its_timer(api, service, clock, run_timers, events):
    made = make(api, service, {"State": "inactive", **BOTH})
    clock.advance(hours=2)
    run_timers()

    assert api.get(made["url"]).json()["timers"] == {}
    assert changes_of(events()) == [("inactive", "closed", "TIMER", "2024-01-01T02:00:00.000Z")]


def test_what_was_due_meanwhile_happens_in_the_order_of_its_moments(api, service, clock, run_timers, events):
    # More than one step, each of another length, and the last made is due first.
    made = [
        make(api, service, {"Timers.Inactive": f"PT{90 - n}M", "Timers.Closed": f"PT{190 - 2 * n}M"})
        for n in range(TIMERS_PER_STEP + 5)
    ]
    clock.advance(days=1)
    run_timers()

    found = events()
    assert [each["StateUpdated"] for each in found] == sorted(each["StateUpdated"] for each in found)
    assert len(found) == 2 * len(made)
    for each in made:
        states = [event["StateTo"] for event in found if event["ConversationSid"] == each["sid"]]
        assert states == ["inactive", "closed"]


def test_closing_releases_the_addresses(api, service, clock, run_timers):
    made, other = make(api, service, {"Timers.Closed": "PT1H"}), make(api, service, {"FriendlyName": "Other"})
    assert api.post(made["links"]["participants"], PAIR).status_code == 201
    assert api.post(other["links"]["participants"], PAIR).json()["code"] == 50416
    clock.advance(hours=1)
    run_timers()

    assert api.post(other["links"]["participants"], PAIR).status_code == 201


def test_a_message_brings_active_and_both_timers_anew(api, service, clock, run_timers, events):
    made = make(api, service, BOTH)
    clock.advance(minutes=90)
    run_timers()
    assert api.post(made["links"]["messages"], Body="Hello").status_code == 201

    woken = api.get(made["url"]).json()
    assert woken["state"] == "active"
    assert woken["timers"] == {"date_inactive": "2024-01-01T02:30:00Z", "date_closed": "2024-01-01T03:30:00Z"}
    clock.advance(hours=1)
    run_timers()
    assert changes_of(events()) == [
        ("active", "inactive", "TIMER", "2024-01-01T01:00:00.000Z"),
        ("inactive", "active", "EVENT", "2024-01-01T01:30:00.000Z"),
        ("active", "inactive", "TIMER", "2024-01-01T02:30:00.000Z"),
    ]


def test_a_message_before_a_due_timer_has_run_sees_the_state_that_it_gives(api, service, clock, events):
    made = make(api, service, BOTH)
    clock.advance(minutes=90)
    assert api.post(made["links"]["messages"], Body="Hello").status_code == 201

    assert changes_of(events()) == [
        ("active", "inactive", "TIMER", "2024-01-01T01:00:00.000Z"),
        ("inactive", "active", "EVENT", "2024-01-01T01:30:00.000Z"),
    ]


def test_an_update_before_a_due_timer_has_run_sees_the_state_that_it_gives(api, service, clock):
    made = make(api, service, BOTH)
    clock.advance(minutes=90)
    updated = api.post(made["url"], FriendlyName="Later").json()

    assert (updated["state"], updated["timers"]) == ("inactive", {"date_closed": "2024-01-01T03:30:00Z"})


@pytest.mark.parametrize("path", ["", "/Messages", "/Participants"])
def test_nothing_is_written_once_it_was_to_close(api, service, clock, run_timers, events, path):
    made = make(api, service, BOTH)
    clock.advance(hours=2)
    assert (
        api.post(f"{made['url']}{path}", {"Identity": "alice", "FriendlyName": "x"}).json()["code"] == 50377
    )
    assert events() == []

    run_timers()
    assert [each["StateTo"] for each in events()] == ["inactive", "closed"]


def test_a_timer_that_was_removed_or_restarted_does_not_run(api, service, clock, run_timers, events):
    removed, restarted = (make(api, service, {"Timers.Inactive": "PT1H"}) for _ in range(2))
    clock.advance(minutes=59)
    api.post(removed["url"], {"Timers.Inactive": "PT0S"})
    api.post(restarted["links"]["messages"], Body="Hello")
    clock.advance(minutes=2)
    run_timers()

    assert {api.get(each["url"]).json()["state"] for each in (removed, restarted)} == {"active"}
    assert events() == []


def test_what_is_deleted_has_no_timers(running, api, service, clock, run_timers, events):
    made = make(api, service, BOTH)
    running.in_database(
        lambda tx: tx.execute("UPDATE conversations SET date_deleted = ? WHERE sid = ?", tx.now, made["sid"])
    )
    clock.advance(days=1)
    run_timers()

    dates = "SELECT date_inactive, date_closed FROM conversations WHERE sid = ? AND date_deleted > 0"
    assert running.in_database(lambda tx: tx.select(dates, made["sid"])) == [(None, None)]
    assert events() == []
