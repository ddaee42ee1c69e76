"""`Idempotency-Key` on uploads: the same file sent again with the same key is kept once."""

import threading

import pytest

from tests.files import PNG, files_in
from tests.servers import Api

pytestmark = pytest.mark.core

OTHER = b"x" * 70_000


def send(api, service, key="a", data=PNG, content_type="image/png", **query):
    headers = {"Content-Type": content_type, "Idempotency-Key": key}
    return api.request("POST", f"{service}/Media", data=data, params=query, headers=headers)


def send_form(api, service, key="a", data=PNG, author="alice"):
    files = [("Author", (None, author)), ("media", ("a.png", data, "image/png"))]
    return api.request("POST", f"{service}/Media", files=files, headers={"Idempotency-Key": key})


def kept(running):
    [(rows,)] = running.in_database(lambda tx: tx.select("SELECT COUNT(*) FROM media"))
    return rows, len(files_in(running.folder))


@pytest.mark.parametrize("send", [send, send_form])
def test_two_equal_uploads_with_one_key_make_one_file(api, service, running, send):
    # Each form has a boundary of its own, which is not content.
    first, second = send(api, service), send(api, service)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert kept(running) == (1, 1)
    assert api.get(running.url + first.json()["links"]["content"]).content == PNG


def test_without_a_key_two_are_kept(api, service, running):
    for _ in range(2):
        api.request("POST", f"{service}/Media", data=PNG)

    assert kept(running) == (2, 2)


def test_the_repeated_one_is_not_stored_at_all(api, service, running, monkeypatch):
    first = send(api, service)
    monkeypatch.setattr(running.blobs, "put", None)
    second = send(api, service)

    assert second.content == first.content


def test_another_file_type_name_or_service_is_refused(api, service, running):
    send(api, service, Filename="a.png")
    other = "Services/" + api.post("Services", FriendlyName="Other").json()["sid"]

    for answer in (
        send(api, service, data=OTHER, Filename="a.png"),
        send(api, service, content_type="image/gif", Filename="a.png"),
        send(api, service, Filename="b.png"),
        send(api, service, Filename="a.png", Author="bob"),
        send(api, other, Filename="a.png"),
        send_form(api, service),
        api.request("POST", "Conversations", headers={"Idempotency-Key": "a"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, 20422)
    assert kept(running) == (1, 1)
    assert send(api, service, "b", Filename="b.png").status_code == 201


def test_a_key_of_another_request_is_refused_too(api, service, running):
    api.request("POST", "Conversations", headers={"Idempotency-Key": "a"})

    assert send(api, service).status_code == 422
    assert kept(running) == (0, 0)


def test_a_refusal_is_not_kept(api, service, running):
    assert send(api, service, content_type="nonsense").status_code == 400

    assert send(api, service).status_code == 201
    assert kept(running) == (1, 1)


def test_a_key_that_is_none_is_refused_before_the_file_is_taken(api, service, running):
    answer = send(api, service, "x" * 256)

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
    assert kept(running) == (0, 0)


def test_after_24_hours_a_key_is_free_again(api, service, running, clock):
    send(api, service)
    clock.advance(hours=24)

    assert send(api, service, data=OTHER).status_code == 201
    assert kept(running) == (2, 2)


def test_keys_of_two_accounts_have_nothing_to_do_with_each_other(api, stranger, service):
    other = "Services/" + stranger.post("Services", FriendlyName="Other").json()["sid"]
    first, second = send(api, service), send(stranger, other, data=OTHER)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["sid"] != second.json()["sid"]


def test_of_those_that_come_at_the_same_time_one_is_kept(api, service, running):
    answers, together = [], threading.Barrier(6)

    def upload():
        with Api(running.url) as other:
            together.wait()
            answers.append(send(other, service, data=OTHER))

    threads = [threading.Thread(target=upload) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert kept(running) == (1, 1)


@pytest.mark.both_engines
@pytest.mark.long
def test_a_key_outlives_a_crash(launch):
    server = launch()
    with server.api() as api:
        service = "Services/" + api.post("Conversations").json()["chat_service_sid"]
        first = send(api, service)
    server.kill()
    with launch("--port", server.url.rpartition(":")[2]).api() as api:
        again = send(api, service)

    assert (first.status_code, again.content) == (201, first.content)
    assert len(files_in(server.folder)) == 1
