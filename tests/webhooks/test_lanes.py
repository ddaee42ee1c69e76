"""Lanes go with the conversation that they lead from, or with what they lead to, once they are empty."""

from types import SimpleNamespace

import pytest

from parlour.store.migrate import migrate
from parlour.webhooks.outbox import Lane

pytestmark = pytest.mark.core


@pytest.fixture
def lanes(running):
    """The SIDs of what there are lanes to."""
    sql = "SELECT sid FROM webhook_lanes"
    return lambda: [sid for (sid,) in running.in_database(lambda tx: tx.select(sql))]


@pytest.fixture
def made(hooked, service, receiver, listen, dispatch, settled):
    """A conversation of which the service's webhook is told and one of its own, which is idle yet."""
    listen()
    made = hooked.post(f"{service}/Conversations").json()
    own = {"Target": "webhook", "Configuration.Filters": "onMessageAdded"}
    webhook = hooked.post(
        f"{made['url']}/Webhooks", own | {"Configuration.Url": f"{receiver.url}/own"}
    ).json()
    deliver = lambda count: dispatch() and settled(count)  # noqa: E731 - it is handed out
    return SimpleNamespace(**made, webhook=f"{made['url']}/Webhooks/{webhook['sid']}", deliver=deliver)


@pytest.mark.parametrize("rows", [1, 250])
def test_the_last_events_of_a_conversation_come_and_its_lanes_are_removed(
    hooked, made, lanes, monkeypatch, rows
):
    monkeypatch.setattr("parlour.resources.deletions.STEP_ROWS", rows)
    for _ in range(2):
        hooked.post(made.links["messages"], Body="Hello")
    assert hooked.delete(made.url).status_code == 204
    assert len(lanes()) == 2

    found = made.deliver(6)
    events = ["onConversationAdded", "onConversationRemoved", *["onMessageAdded"] * 4]
    assert sorted(each["event_type"] for each in found) == events
    assert {each["status"] for each in found} == {"delivered"}
    assert lanes() == []


def test_an_idle_lane_is_removed_with_its_conversation(hooked, made, lanes):
    made.deliver(1)
    assert len(lanes()) == 1
    # Nobody is told of this one.
    del hooked.session.headers["X-Twilio-Webhook-Enabled"]
    hooked.delete(made.url)

    assert lanes() == []


@pytest.mark.parametrize("is_idle", [True, False])
def test_a_lane_is_removed_with_the_webhook_that_it_leads_to(hooked, made, lanes, is_idle):
    hooked.post(made.links["messages"], Body="Hello")
    if is_idle:
        made.deliver(3)
    assert len(lanes()) == 2
    hooked.delete(made.webhook)
    if not is_idle:
        assert len(lanes()) == 2
        made.deliver(3)

    assert [sid[:2] for sid in lanes()] == ["IS"]


def test_a_lane_is_removed_with_the_participant_that_it_leads_to(hooked, room, lanes, running):
    pair = {"MessagingBinding.Address": "+15550100001", "MessagingBinding.ProxyAddress": "+15550100002"}
    member = hooked.post(f"{room}/Participants", pair).json()
    hooked.post(f"{room}/Messages", Body="Hello")
    assert lanes() == [member["sid"]]
    # As after its delivery.
    settle = "UPDATE webhook_lanes SET due_at = NULL"
    running.in_database(lambda tx: tx.execute(settle))
    hooked.delete(member["url"])

    assert lanes() == []


def test_idle_lanes_that_earlier_versions_left_without_a_conversation_are_removed(
    hooked, made, lanes, running, storage
):
    made.deliver(1)
    gone = Lane(sid="IS" + "0" * 32, conversation_sid="CH" + "0" * 32, next_number=1)
    due = Lane(sid="IS" + "1" * 32, conversation_sid="CH" + "0" * 32, next_number=1, due_at=2**53)
    running.in_database(lambda tx: (tx.insert(gone), tx.insert(due)))
    running.in_database(lambda tx: tx.execute("DELETE FROM migrations WHERE number = 12"))
    assert len(lanes()) == 3

    assert migrate(storage.engine()) == ["0012_lanes_without_conversation.sql"]
    assert len(lanes()) == 2
    assert gone.sid not in lanes()
