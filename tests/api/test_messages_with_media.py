"""POST …/Messages with MediaSid, and what becomes of media with their messages."""

import asyncio

import pytest

from tests.files import PNG, files_in, upload

pytestmark = pytest.mark.both_engines


@pytest.fixture
def media(api, service):
    return upload(api, service, PNG, Filename="pixel.png").json()


def send(api, room, *media, **form):
    pairs = [("MediaSid", each if isinstance(each, str) else each["sid"]) for each in media]
    return api.post(f"{room}/Messages", [*form.items(), *pairs])


def test_a_message_lists_its_media_as_it_was_recorded_and_keeps_its_body(api, room, media):
    answer = send(api, room, media, Body="Look")
    message = answer.json()

    assert answer.status_code == 201
    assert message["body"] == "Look"
    assert message["media"] == [
        {
            "category": "media",
            "filename": "pixel.png",
            "size": len(PNG),
            "content_type": "image/png",
            "sid": media["sid"],
        }
    ]
    assert api.get(message["url"]).json() == message


def test_media_know_their_message(api, room, media, running, clock):
    clock.advance(seconds=1)
    message = send(api, room, media).json()
    known = api.get(running.url + media["url"]).json()

    assert message["body"] is None
    assert (known["message_sid"], known["channel_sid"]) == (message["sid"], message["conversation_sid"])
    assert known["date_updated"] == "2024-01-01T00:00:01.000000+00:00"


def test_up_to_ten_are_sent_together_in_the_order_they_were_named(api, service, room):
    many = [upload(api, service, bytes([n])).json() for n in range(11)]

    refused = send(api, room, *many)
    assert (refused.status_code, refused.json()["code"]) == (400, 20001)
    message = send(api, room, *many[:10]).json()
    assert [each["sid"] for each in message["media"]] == [each["sid"] for each in many[:10]]


def test_one_that_is_named_twice_is_sent_once(api, room, media):
    assert len(send(api, room, media, media).json()["media"]) == 1


def test_media_are_sent_once_only(api, room, media):
    send(api, room, media)
    again = send(api, room, media)

    assert (again.status_code, again.json()["code"]) == (409, 50508)


def test_a_refusal_attaches_none_of_them(api, service, room, media):
    sent, fresh = upload(api, service).json(), upload(api, service).json()
    send(api, room, sent)

    assert send(api, room, media, sent).json()["code"] == 50508
    assert send(api, room, media, "ME" + "f" * 32).json()["code"] == 50507
    assert send(api, room, media, "nonsense").json()["code"] == 50510
    assert send(api, room, media, fresh).status_code == 201


def test_of_two_messages_that_race_for_media_one_gets_them(api, running, room, media):
    async def race():
        tasks = [asyncio.to_thread(send, api, room, media) for _ in range(8)]
        return [answer.status_code for answer in await asyncio.gather(*tasks)]

    assert sorted(asyncio.run(race())) == [201] + [409] * 7


def test_media_of_another_service_or_account_or_deleted_are_not_found(api, stranger, running, room, media):
    other = "Services/" + api.post("Services", FriendlyName="Other").json()["sid"]
    elsewhere = upload(api, other).json()
    theirs = upload(stranger, "Services/" + stranger.post("Services", FriendlyName="T").json()["sid"]).json()
    api.delete(running.url + media["url"])

    for each in (elsewhere, theirs, media):
        refused = send(api, room, each)
        assert (refused.status_code, refused.json()["code"]) == (400, 50507)


def test_paths_without_a_service_take_media_of_the_default_one(api):
    conversation = api.post("Conversations").json()
    media = upload(api, f"Services/{conversation['chat_service_sid']}").json()

    assert send(api, f"Conversations/{conversation['sid']}", media).status_code == 201


def test_a_deleted_message_takes_its_media_from_view_at_once_and_their_bytes_in_time(
    api, room, media, running, clock
):
    message = send(api, room, media).json()
    api.delete(message["url"])

    for end in ("", "/Content"):
        assert api.get(running.url + media["url"] + end).status_code == 404
    running.purge(purge_days=1)
    assert len(files_in(running.folder)) == 1
    clock.advance(days=1)
    running.purge(purge_days=1)
    assert files_in(running.folder) == running.in_database(lambda tx: tx.select("SELECT * FROM media")) == []


@pytest.mark.parametrize("what", ["conversation", "service"])
def test_so_does_a_deleted_conversation_and_a_deleted_service(api, service, room, media, running, what):
    unsent = upload(api, service).json()
    send(api, room, media)
    api.delete(room if what == "conversation" else service)

    assert api.get(running.url + media["url"]).status_code == 404
    assert api.get(running.url + unsent["url"]).status_code == (200 if what == "conversation" else 404)
    running.purge()
    assert len(files_in(running.folder)) == (1 if what == "conversation" else 0)


def test_media_that_are_deleted_leave_their_message(api, service, room, media, running):
    other = upload(api, service).json()
    message = send(api, room, media, other, Body="Look").json()
    api.delete(running.url + media["url"])

    assert [each["sid"] for each in api.get(message["url"]).json()["media"]] == [other["sid"]]
    api.delete(running.url + other["url"])
    assert api.get(message["url"]).json() == message | {"media": None}


def test_an_upload_that_is_never_sent_is_removed_after_its_time(api, service, room, media, running, clock):
    sent = upload(api, service).json()
    send(api, room, sent)
    clock.advance(hours=23)
    running.purge(unattached_hours=24)
    assert api.get(running.url + media["url"]).status_code == 200

    clock.advance(hours=1)
    running.purge(unattached_hours=24)
    assert api.get(running.url + media["url"]).status_code == 404
    assert send(api, room, media).json()["code"] == 50507
    assert [file.name for file in files_in(running.folder)] == [sent["sid"]]
