"""Many lanes due: each target gets its share at once and in order, whoever wrote the lanes."""

import threading

import pytest

from parlour.webhooks import dispatcher, lanes
from tests.receivers import Receiver
from tests.servers import TIMEOUT_SECONDS

pytestmark = pytest.mark.core

FOREVER = 3_600


def bodies_of(receiver):
    return [hook.parameters["Body"] for hook in receiver.hooks]


@pytest.fixture
def post_to_rooms(hooked):
    """Posts one message to each of so many new conversations of a service, each numbered."""

    def post_to_rooms(service, count):
        for number in range(count):
            room = hooked.post(f"{service}/Conversations").json()
            assert hooked.post(room["links"]["messages"], Body=str(number)).status_code == 201

    return post_to_rooms


def tell(api, service, receiver):
    form = {"PostWebhookUrl": receiver.url, "Filters": "onMessageAdded"}
    assert api.post(f"{service}/Configuration/Webhooks", form).status_code == 200


def test_a_lane_that_is_done_makes_room_at_once(monkeypatch, api, service, post_to_rooms, dispatch, receiver):
    # After the first look nobody looks again unless a lane that is done has made room.
    monkeypatch.setattr(dispatcher, "POLL_SECONDS", FOREVER)
    count = 2 * dispatcher.MAX_LANES_PER_THROTTLE_KEY + 1
    tell(api, service, receiver)
    post_to_rooms(service, count)
    dispatch()
    receiver.wait_for(count)

    assert sorted(map(int, bodies_of(receiver))) == list(range(count))


def test_targets_without_room_keep_no_other_out(monkeypatch, api, post_to_rooms, dispatch):
    # A look passes over one of them, and the next one goes on from there.
    monkeypatch.setattr(dispatcher, "MAX_LANES_PER_THROTTLE_KEY", 1)
    monkeypatch.setattr(lanes, "MAX_PASSED_OVER", 1)
    monkeypatch.setattr(lanes, "ROWS_OF_A_STEP", 2)
    hold = threading.Event()
    slow, quick = Receiver(), Receiver()
    slow.answer = lambda hook: hold.wait(TIMEOUT_SECONDS) and (200, b"")
    for receiver in (slow, slow, slow, quick):
        service = "Services/" + api.post("Services", FriendlyName="Support").json()["sid"]
        tell(api, service, receiver)
        post_to_rooms(service, 3)
    dispatch()
    quick.wait_for(3)
    held = len(slow.hooks)
    hold.set()
    slow.wait_for(9)
    slow.close()
    quick.close()

    assert held == 3
    assert sorted(bodies_of(quick)) == list("012")
    assert sorted(bodies_of(slow)) == list("000111222")


@pytest.fixture
def post(hooked, service, listen):
    """Posts messages to a conversation of which the receiver is told."""
    listen(filters=["onMessageAdded"])
    rooms = {}

    def post(*bodies, room="first"):
        if room not in rooms:
            rooms[room] = hooked.post(f"{service}/Conversations").json()
        for body in bodies:
            assert hooked.post(rooms[room]["links"]["messages"], Body=body).status_code == 201

    return post


# What the version before, which knows no `ready`, writes of a new lane, of one that it has emptied and filled
# again, and of one that it has claimed.
WRITTEN_BEFORE = ["ready = 0", "ready = 1, due_at = due_at + 0", "ready = 0, leased_until = due_at + 15000"]


@pytest.mark.parametrize("written", WRITTEN_BEFORE)
def test_lanes_of_the_version_before_are_served(written, post, running, dispatch, receiver, settled):
    post("a")
    running.in_database(lambda tx: tx.execute(f"UPDATE webhook_lanes SET {written}"))
    post("b")
    post("elsewhere", room="second")
    dispatch()
    if "leased_until" in written:
        # Whoever holds the lane is let alone.
        receiver.wait_for(1)
        assert bodies_of(receiver) == ["elsewhere"]
        running.clock.advance(seconds=15)
    settled(3)

    assert sorted(bodies_of(receiver)) == ["a", "b", "elsewhere"]
    assert bodies_of(receiver).index("a") < bodies_of(receiver).index("b")


def test_a_lane_that_the_version_before_has_emptied_is_filled_again(
    post, running, dispatch, receiver, settled
):
    post("a")
    dispatch()
    settled(1)
    # It leaves `ready` as it was when it claimed the lane.
    running.in_database(lambda tx: tx.execute("UPDATE webhook_lanes SET ready = 1"))
    post("b")
    settled(2)

    assert bodies_of(receiver) == ["a", "b"]


def test_a_worker_that_has_lost_its_lane_leaves_it_to_whoever_took_it_over(
    post, dispatch, receiver, clock, tried
):
    first, second = threading.Event(), threading.Event()

    def answer(hook):
        # The one that tries "a" first is held up, and the other one at "b".
        if len(receiver.hooks) == 1:
            first.wait(TIMEOUT_SECONDS)
        elif hook.parameters["Body"] == "b":
            second.wait(TIMEOUT_SECONDS)
        return 200, b""

    receiver.answer = answer
    post("a", "b", "c")
    late = dispatch()
    receiver.wait_for(1)
    clock.advance(seconds=15)
    dispatch()
    receiver.wait_for(3)
    first.set()
    late.stop()
    second.set()
    deliveries = tried(4)

    assert bodies_of(receiver) == ["a", "a", "b", "c"]
    assert [len(each["attempts"]) for each in deliveries] == [2, 1, 1]
    assert {each["status"] for each in deliveries} == {"delivered"}
