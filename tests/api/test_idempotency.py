"""`Idempotency-Key`: the same POST sent again is done once and answered as the first time."""

import re
import threading

import pytest
import requests

from tests.servers import ACCOUNT_SID, AUTH_TOKEN, Api

pytestmark = pytest.mark.core


def post(api, path, key, **form):
    return api.request("POST", path, data=form, headers={"Idempotency-Key": key})


def count(api, room):
    return len(api.get(f"{room}/Messages").json()["messages"])


def test_the_same_key_and_content_are_done_once_and_answered_alike(api, room):
    first, second = (post(api, f"{room}/Messages", "a", Body="Hello", Author="alice") for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert count(api, room) == 1


def test_without_a_key_two_are_made(api, room):
    for _ in range(2):
        api.post(f"{room}/Messages", Body="Hello")

    assert count(api, room) == 2


def test_the_order_of_parameters_is_not_content(api, room):
    for form in (["Body", "Author"], ["Author", "Body"]):
        post(api, f"{room}/Messages", "a", **dict.fromkeys(form, "x"))

    assert count(api, room) == 1


def test_other_content_or_another_path_is_refused(api, room):
    post(api, f"{room}/Messages", "a", Body="Hello")

    for answer in (
        post(api, f"{room}/Messages", "a", Body="Other"),
        post(api, f"{room}/Messages", "a"),
        post(api, f"{room}/Participants", "a", Identity="alice"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, 20422)
        assert answer.json()["message"] == "Idempotency-Key was already used with other content"
    assert count(api, room) == 1
    assert post(api, f"{room}/Messages", "b", Body="Other").status_code == 201


def test_an_update_is_done_once_too(api, room, clock):
    message = api.post(f"{room}/Messages").json()
    first = post(api, message["url"], "a", Body="edited")
    api.post(message["url"], Body="edited again")
    clock.advance(minutes=1)

    assert post(api, message["url"], "a", Body="edited").json() == first.json()
    assert api.get(message["url"]).json()["body"] == "edited again"


def test_an_answer_is_kept_though_what_it_shows_is_gone(api, room):
    first = post(api, f"{room}/Messages", "a", Body="Hello")
    api.delete(first.json()["url"])

    assert post(api, f"{room}/Messages", "a", Body="Hello").content == first.content
    assert count(api, room) == 0


def test_after_24_hours_a_key_is_free_again(api, room, clock):
    post(api, f"{room}/Messages", "a", Body="Hello")
    clock.advance(hours=23, minutes=59)
    post(api, f"{room}/Messages", "a", Body="Hello")
    assert count(api, room) == 1

    clock.advance(minutes=1)
    assert post(api, f"{room}/Messages", "a", Body="Other").status_code == 201
    assert count(api, room) == 2


def test_a_refusal_is_not_kept(api, service):
    path = f"{service}/Conversations/room/Messages"
    assert post(api, path, "a", Body="Hello").status_code == 404
    api.post(f"{service}/Conversations", UniqueName="room")

    assert post(api, path, "a", Body="Hello").status_code == 201


def test_keys_of_two_accounts_have_nothing_to_do_with_each_other(api, stranger):
    for each in (api, stranger):
        assert post(each, "Conversations", "a", UniqueName="room").status_code == 201
    assert post(stranger, "Conversations", "a", UniqueName="other").status_code == 422


def test_every_post_takes_a_key_but_for_those_that_are_named(api):
    described = api.get(f"{api.url}/openapi.json").json()["paths"]
    paths = [path for path, methods in described.items() if "post" in methods]
    ignoring = [path for path in paths if not refuses_a_long_key(api, re.sub(r"\{\w+\}", "X", path))]

    # It only reads. The control API's own, which tests use, are not described here.
    assert ignoring == ["/v1/Services/{ChatServiceSid}/MediaSet"]
    assert len(paths) > 20


def refuses_a_long_key(api, path):
    answer = api.request("POST", api.url + path, headers={"Idempotency-Key": "x" * 256}).json()
    return "Idempotency-Key" in answer["message"]


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none_is_refused(api, key):
    answer = post(api, "Conversations", key)

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
    assert post(api, "Conversations", "x" * 255).status_code == 201


def test_those_that_come_at_the_same_time_wait_for_the_first(api, room, running):
    answers, together = [], threading.Barrier(16)

    def send():
        with Api(running.url) as other:
            together.wait()
            answers.append(post(other, f"{room}/Messages", "a", Body="Hello"))

    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert count(api, room) == 1


@pytest.mark.both_engines
def test_a_key_outlives_a_crash(launch):
    server = launch()
    room = "Conversations/" + server.api().post("Conversations").json()["sid"]
    first = post(server.api(), f"{room}/Messages", "a", Body="Hello")
    server.kill()
    again = launch("--port", server.url.rpartition(":")[2]).api()

    assert post(again, f"{room}/Messages", "a", Body="Hello").content == first.content
    assert count(again, room) == 1


@pytest.mark.parametrize(("headers", "made"), [({"Idempotency-Key": "a"}, 1), ({}, 2)])
def test_a_caller_whose_answer_was_lost_sends_again(serve, headers, made):
    server = serve(control=True)
    with server.api() as api:
        room = "Conversations/" + api.post("Conversations").json()["sid"]
        fault = {"kind": "lose_answer", "method": "POST", "count": 1, "seconds": 30}
        api.request("POST", f"{server.url}/parlour/v1/Faults", json=fault)

        def send():
            with requests.Session() as session:
                session.trust_env = False
                session.auth = (ACCOUNT_SID, AUTH_TOKEN)
                url = f"{server.url}/v1/{room}/Messages"
                return session.post(url, data={"Body": "Hello"}, headers=headers, timeout=0.5)

        with pytest.raises(requests.Timeout):
            send()
        assert send().status_code == 201
        assert count(api, room) == made
