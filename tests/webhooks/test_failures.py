"""Targets that are down, slow, broken or greedy: nothing is lost, nothing is held up, the rest goes on."""

import socket
import threading

import pytest

from parlour.errors import SERVICE_UNAVAILABLE
from parlour.webhooks import dispatcher
from tests.receivers import Receiver

pytestmark = pytest.mark.both_engines


def messages_of(receiver):
    return [hook.parameters["Body"] for hook in receiver.hooks]


@pytest.fixture
def say(hooked, room):
    def say(*bodies):
        for body in bodies:
            assert hooked.post(f"{room}/Messages", Body=body).status_code == 201

    return say


def test_a_target_that_fails_is_tried_again_with_the_same_token(
    say, listen, dispatch, receiver, clock, tried
):
    listen()
    answers = [(500, b"broken"), (429, b""), (200, b"")]
    receiver.answer = lambda hook: answers[min(len(receiver.hooks), 3) - 1]
    dispatch()
    say("Hi")
    for count, seconds in ((1, 1), (2, 5)):
        tried(count)
        clock.advance(seconds=seconds)
    [delivery] = tried(3)
    hooks = receiver.hooks

    assert [hook.parameters["RetryCount"] for hook in hooks] == ["0", "1", "2"]
    assert len({hook.token for hook in hooks}) == 1
    assert all(hook.is_signed for hook in hooks)
    assert delivery["status"] == "delivered"
    assert [attempt["status_code"] for attempt in delivery["attempts"]] == [500, 429, 200]


def test_it_is_given_up_after_the_last_repetition_and_kept_with_the_reason(
    say, listen, dispatch, receiver, clock, tried
):
    listen()
    receiver.answer = lambda hook: (503, b"") if hook.parameters["Body"] == "first" else (200, b"")
    dispatch(delays=(1, 5))
    say("first", "second")
    for count in (1, 2):
        tried(count)
        clock.advance(seconds=5)
    first, second = tried(4)

    assert (first["status"], second["status"]) == ("failed", "delivered")
    assert [attempt["status_code"] for attempt in first["attempts"]] == [503, 503, 503]
    assert messages_of(receiver) == ["first"] * 3 + ["second"]


@pytest.mark.parametrize("status", [301, 400, 404])
def test_an_answer_that_is_final_is_not_asked_for_again(say, listen, dispatch, receiver, settled, status):
    listen()
    receiver.answer = lambda hook: (status, b"")
    dispatch()
    say("Hi", "there")
    deliveries = settled(2)

    assert [each["status"] for each in deliveries] == ["failed"] * 2
    assert [hook.path for hook in receiver.hooks] == ["/post"] * 2


def test_a_target_that_is_down_loses_nothing_and_keeps_the_order(say, listen, dispatch, clock, tried):
    gone = Receiver()
    gone.close()
    listen(PostWebhookUrl=gone.url)
    dispatch()
    say(*"abc")
    first, *rest = tried(1)
    back = Receiver(gone.port)
    clock.advance(seconds=1)
    tried(4)
    back.close()

    assert first["status"] == "pending"
    assert first["attempts"][0]["error"] == "connection refused"
    assert all(each["attempts"] == [] for each in rest)
    assert messages_of(back) == list("abc")


@pytest.fixture
def dispatch_without_records(monkeypatch, dispatch, receiver):
    """Starts a dispatcher that cannot record what it has sent first, for longer than its lease."""
    monkeypatch.setattr(dispatcher, "WAIT_SECONDS", 0.01)

    def dispatch_without_records(problem):
        database = dispatch().database
        write = database.write
        failures = []

        async def fail_twice(work, lock_key=None, **more):
            if receiver.hooks and len(failures) < 2:
                failures.append(problem)
                database.clock.advance(seconds=8)
                raise problem
            return await write(work, lock_key, **more)

        monkeypatch.setattr(database, "write", fail_twice)
        return failures

    return dispatch_without_records


AWAY, REFUSED = SERVICE_UNAVAILABLE(), OverflowError("too large")


@pytest.mark.parametrize(
    ("problem", "error"), [(AWAY, None), (REFUSED, "what came of it could not be stored")]
)
def test_what_was_sent_and_is_not_recorded_at_once_is_not_sent_again(
    say, listen, dispatch_without_records, settled, problem, error
):
    listen()
    failures = dispatch_without_records(problem)
    say("a", "b")
    settled(2)
    say("c")
    deliveries = settled(3)

    assert failures == [problem] * 2
    assert [each["status"] for each in deliveries] == ["delivered"] * 3
    assert [len(each["attempts"]) for each in deliveries] == [1] * 3
    assert deliveries[0]["attempts"][0]["error"] == error


def test_a_target_that_closes_mid_answer_has_not_heard(say, listen, dispatch, receiver, clock, tried):
    listen()
    receiver.answer = lambda hook: None if len(receiver.hooks) == 1 else (200, b"")
    dispatch()
    say("Hi")
    tried(1)
    clock.advance(seconds=1)
    [delivery] = tried(2)

    assert delivery["status"] == "delivered"
    assert delivery["attempts"][0]["status_code"] is None
    assert delivery["attempts"][0]["error"]


def test_a_target_that_sends_without_end_is_read_a_little(say, listen, dispatch, receiver, settled):
    listen()
    receiver.answer = lambda hook: (200, b"x" * 100_000_000)
    dispatch()
    say("Hi", "there")
    deliveries = settled(2)

    assert [each["status"] for each in deliveries] == ["delivered"] * 2


def test_one_slow_target_delays_no_other(monkeypatch, hooked, service, listen, dispatch, receiver):
    monkeypatch.setattr(dispatcher, "MAX_LANES", 20)
    listen()
    hold = threading.Event()
    receiver.answer = lambda hook: hold.wait(20) and (200, b"")
    other = Receiver()
    dispatch()
    rooms = [hooked.post(f"{service}/Conversations").json() for _ in range(40)]
    quick = hooked.post(f"{service}/Conversations").json()
    form = {
        "Target": "webhook",
        "Configuration.Url": f"{other.url}/quick",
        "Configuration.Filters": ["onMessageAdded"],
    }
    hooked.post(f"{service}/Conversations/{quick['sid']}/Webhooks", form)
    for room in rooms:
        hooked.post(room["links"]["messages"], Body="slow")
    receiver.wait_for(dispatcher.MAX_LANES_PER_THROTTLE_KEY)
    hooked.post(quick["links"]["messages"], Body="quick")
    heard = other.wait_for(1)
    at_once = len(receiver.hooks)
    hold.set()
    other.close()

    assert heard[0].parameters["Body"] == "quick"
    assert at_once == dispatcher.MAX_LANES_PER_THROTTLE_KEY


@pytest.mark.long
def test_a_target_that_takes_six_seconds_is_tried_again(say, listen, dispatch, receiver, clock, tried):
    listen()
    hold = threading.Event()
    receiver.answer = lambda hook: (len(receiver.hooks) > 1 or hold.wait(6)) and (200, b"")
    dispatch()
    say("Hi")
    [delivery] = tried(1)
    hold.set()
    clock.advance(seconds=1)
    [again] = tried(2)

    assert delivery["attempts"][0]["error"] == "no answer within 5 s"
    assert delivery["attempts"][0]["milliseconds"] >= 5_000
    assert again["status"] == "delivered"


def test_a_stop_leaves_what_is_waiting_to_whoever_comes_next(
    say, listen, dispatch, receiver, settled, deliveries
):
    bodies = [str(number) for number in range(2 * dispatcher.MAX_UNSETTLED)]
    listen()
    hold = threading.Event()
    receiver.answer = lambda hook: hold.wait(20) and (200, b"")
    say(*bodies)
    stopped = dispatch()
    receiver.wait_for(1)
    stopped.ask_to_stop()
    hold.set()
    stopped.stop()
    carried = messages_of(receiver)
    left = [each for each in deliveries(len) if each["status"] == "pending"]
    # The clock stands still: a lane that was not given back would not be claimed again.
    dispatch()
    settled(len(bodies))

    assert len(carried) <= dispatcher.MAX_UNSETTLED
    assert len(carried) + len(left) == len(bodies)
    assert messages_of(receiver) == bodies


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "0.0.0.0"),
        *("[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
    ],
)
def test_private_addresses_can_be_forbidden(say, listen, dispatch, tried, receiver, host):
    listen(PostWebhookUrl=f"http://{host}:{receiver.port}/post")
    dispatch(allow_private=False)
    say("Hi")
    [delivery] = tried(1)

    assert delivery["status"] == "failed"
    assert delivery["attempts"][0]["error"] == "the target's address is private"
    assert receiver.hooks == []


@pytest.mark.parametrize(
    "said", [b"SSH-2.0-nonsense\r\n\r\n", b"HTTP/1.1 200 \xff\x00\r\n\xff\xfe: \x00\r\n\r\n"]
)
def test_a_connection_that_talks_nonsense_is_a_failure(say, listen, dispatch, settled, said):
    with socket.create_server(("127.0.0.1", 0)) as server:
        listen(PostWebhookUrl=f"http://127.0.0.1:{server.getsockname()[1]}/")
        dispatch(delays=())
        say("Hi")
        connection, _ = server.accept()
        connection.recv(65_536)
        connection.sendall(said)
        connection.close()
        [delivery] = settled(1)

    assert delivery["status"] == "failed"
    assert delivery["attempts"][0]["error"]
