"""/parlour/v1/WebhookDeliveries: what was sent where, and what came of it."""

import pytest

pytestmark = pytest.mark.core


@pytest.fixture
def delivered(hooked, room, listen, dispatch, receiver, settled):
    listen()
    receiver.answer = lambda hook: (404 if hook.parameters.get("Body") == "b" else 200, b"")
    dispatch()
    for body in "abc":
        hooked.post(f"{room}/Messages", Body=body)
    return settled(3)


@pytest.fixture
def show(api):
    def show(path="", **query):
        return api.get(f"{api.url}/parlour/v1/WebhookDeliveries{path}", **query)

    return show


def test_a_delivery_shows_all_that_is_known_of_it(delivered, room, receiver, running):
    first = delivered[0]
    [attempt] = first["attempts"]

    assert first["status"] == "delivered"
    assert first["event_type"] == "onMessageAdded"
    assert first["conversation_sid"] == room.split("/")[3]
    assert first["target_sid"] == room.split("/")[1]
    assert (first["target_url"], first["method"]) == (f"{receiver.url}/post", "POST")
    assert first["parameters"]["Body"] == "a"
    assert (attempt["status_code"], attempt["error"]) == (200, None)
    assert attempt["milliseconds"] >= 0
    assert first["url"] == f"{running.url}/parlour/v1/WebhookDeliveries/{first['sid']}"


def test_they_are_filtered_and_paged_newest_first(delivered, show, room):
    a, b, c = delivered

    assert show(Status="FAILED").json()["webhook_deliveries"] == [b]
    assert show(EventType="onMessageRemoved").json()["webhook_deliveries"] == []
    assert show(ConversationSid=room.split("/")[3]).json()["webhook_deliveries"] == [c, b, a]
    first = show(PageSize=2).json()
    second = show("?" + first["meta"]["next_page_url"].partition("?")[2]).json()
    assert (first["webhook_deliveries"], second["webhook_deliveries"]) == ([c, b], [a])
    assert second["meta"]["previous_page_url"] is not None
    assert show(Status="lost").json()["code"] == 20001


def test_one_is_fetched_by_its_sid_and_no_stranger_sees_it(delivered, show, stranger, running):
    url = f"{running.url}/parlour/v1/WebhookDeliveries"

    assert show(f"/{delivered[0]['sid']}").json() == delivered[0]
    assert stranger.get(f"{url}/{delivered[0]['sid']}").json()["code"] == 20404
    assert stranger.get(url).json()["webhook_deliveries"] == []
    assert show("/WD123").json()["code"] == 20404


def test_one_that_failed_is_sent_once_more(delivered, api, receiver, tried):
    failed = delivered[1]
    receiver.answer = lambda hook: (200, b"")
    again = api.post(f"{failed['url']}/Redeliver").json()
    done = tried(4)

    assert again["status"] == "pending"
    assert done[1]["status"] == "delivered"
    assert [attempt["status_code"] for attempt in done[1]["attempts"]] == [404, 200]
    assert receiver.hooks[3].token == receiver.hooks[1].token
    assert receiver.hooks[3].parameters["RetryCount"] == "1"


def test_asked_for_twice_with_one_key_it_is_sent_once_more(delivered, api, receiver, tried):
    path, key = f"{delivered[0]['url']}/Redeliver", {"Idempotency-Key": "again"}
    first = api.request("POST", path, headers=key)
    tried(4)
    second = api.request("POST", path, headers=key)
    other = api.request("POST", f"{delivered[1]['url']}/Redeliver", headers=key)

    assert (first.status_code, second.status_code, other.status_code) == (200, 200, 422)
    assert second.content == first.content
    assert len(tried(4)[0]["attempts"]) == 2
    assert len(receiver.hooks) == 4


def test_one_that_is_on_its_way_is_not_sent_twice(hooked, room, listen, api, show):
    listen()
    hooked.post(f"{room}/Messages")
    [waiting] = show().json()["webhook_deliveries"]
    answer = api.post(f"{waiting['url']}/Redeliver")

    assert (answer.status_code, answer.json()["code"]) == (409, 20409)
