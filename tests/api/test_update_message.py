"""POST …/Messages/{Sid}."""

import pytest

pytestmark = pytest.mark.core


@pytest.fixture
def message(api, room):
    form = {"Body": "Hello", "Author": "alice", "Attributes": '{"a":1}'}
    return api.post(f"{room}/Messages", form).json()


@pytest.mark.parametrize(
    ("parameter", "value", "field"),
    [
        ("Body", "edited", "body"),
        ("Body", "", "body"),
        ("Author", "bob", "author"),
        ("Attributes", '{ "b": 2 }', "attributes"),
        ("DateCreated", "2015-12-16T22:18:37Z", "date_created"),
        ("DateUpdated", "2015-12-16T22:18:38Z", "date_updated"),
    ],
)
def test_one_field_changes_and_the_others_stay(api, message, clock, parameter, value, field):
    clock.advance(seconds=90)
    answer = api.post(message["url"], {parameter: value})

    assert answer.status_code == 200
    assert answer.json() == message | {"date_updated": "2024-01-01T00:01:30Z"} | {field: value}
    assert api.get(message["url"]).json() == answer.json()


def test_an_edit_dates_the_message(api, message, clock):
    assert message["date_updated"] is None
    clock.advance(days=1)

    assert api.post(message["url"], Body="edited").json()["date_updated"] == "2024-01-02T00:00:00Z"


def test_an_update_without_parameters_is_refused(api, message):
    for form in ({}, {"Nonsense": "1"}, {"MediaSid": "ME" + "a" * 32}):
        answer = api.post(message["url"], form)
        assert (answer.status_code, answer.json()["code"]) == (400, 20161)
    assert api.get(message["url"]).json() == message


def test_a_new_author_is_looked_up_among_the_participants(api, room, message):
    bob = api.post(f"{room}/Participants", Identity="bob").json()

    assert message["participant_sid"] is None
    assert api.post(message["url"], Author="bob").json()["participant_sid"] == bob["sid"]
    assert api.post(message["url"], Author="").json()["author"] == "system"
    assert api.get(message["url"]).json()["participant_sid"] is None


def test_an_edit_keeps_the_place_in_the_list(api, room, message):
    api.post(f"{room}/Messages", Body="second")
    api.post(message["url"], Body="edited", DateCreated="2030-01-01T00:00:00Z")
    listed = api.get(f"{room}/Messages").json()["messages"]

    assert [(each["index"], each["body"]) for each in listed] == [(0, "edited"), (1, "second")]


def test_a_message_can_be_edited_under_its_conversations_unique_name(api, service):
    api.post(f"{service}/Conversations", UniqueName="lobby/ü 1")
    message = api.post(f"{service}/Conversations/lobby%2F%C3%BC%201/Messages").json()
    path = f"{service}/Conversations/lobby%2F%C3%BC%201/Messages/{message['sid']}"

    assert api.post(path, Body="edited").json()["url"] == message["url"]
