"""GET …/Conversations/{Sid}, and the ways in which a path may name a conversation."""

from urllib.parse import quote

import pytest

from tests.api.test_bad_input import refusal

pytestmark = pytest.mark.both_engines

NAMES = [
    "lobby",
    "a/b",
    "/",
    "two words",
    " ",
    "50%",
    "%2F",
    "a+b",
    "a?b=c#d",
    "Grüße 👩‍👩‍👧‍👦",
    "CH" + "0" * 31,
    "ch" + "0" * 32,
    "Messages",
    "'; --",
    "x" * 256,
]


def is_missing(answer, path):
    assert answer.status_code == 404
    assert answer.json()["code"] == 20404
    return answer.json()["message"] == f"The requested resource /{path} was not found"


@pytest.mark.parametrize("name", NAMES)
def test_a_unique_name_is_addressed_url_encoded(api, service, running, name):
    conversation = api.post(f"{service}/Conversations", UniqueName=name).json()
    fetched = api.get(f"{service}/Conversations/{quote(name, safe='')}")

    assert fetched.status_code == 200
    assert fetched.json() == conversation
    assert conversation["unique_name"] == name
    assert conversation["url"] == f"{running.url}/v1/{service}/Conversations/{conversation['sid']}"


@pytest.mark.parametrize("name", ["a/b", "50%", "a+b", "Grüße"])
def test_below_a_unique_name_are_its_children_whose_urls_have_the_sid(api, service, name):
    conversation = api.post(f"{service}/Conversations", UniqueName=name).json()
    path = f"{service}/Conversations/{quote(name, safe='')}"
    message = api.post(f"{path}/Messages", Body="Hello").json()
    participant = api.post(f"{path}/Participants", Identity="alice").json()

    assert message["url"] == f"{conversation['links']['messages']}/{message['sid']}"
    assert participant["url"] == f"{conversation['links']['participants']}/{participant['sid']}"
    assert api.get(f"{path}/Messages/{message['sid']}").json() == message
    assert api.get(f"{path}/Participants/alice").json() == participant
    page = api.get(f"{path}/Messages").json()
    assert page["messages"] == [message]
    assert page["meta"]["url"] == f"{conversation['links']['messages']}?PageSize=50&Page=0"


def test_a_conversation_is_updated_and_deleted_by_its_unique_name(api, service):
    conversation = api.post(f"{service}/Conversations", UniqueName="a/b").json()
    updated = api.post(f"{service}/Conversations/a%2Fb", FriendlyName="Lobby")

    assert updated.status_code == 200
    assert updated.json()["sid"] == conversation["sid"]
    assert updated.json()["friendly_name"] == "Lobby"
    assert api.delete(f"{service}/Conversations/a%2Fb").status_code == 204
    assert api.get(conversation["url"]).status_code == 404


def test_a_plus_sign_in_a_path_is_no_space(api, service):
    spaced = api.post(f"{service}/Conversations", UniqueName="a b").json()

    assert is_missing(api.get(f"{service}/Conversations/a+b"), f"{service}/Conversations/a+b")
    assert api.get(f"{service}/Conversations/a%20b").json() == spaced


def test_a_path_is_decoded_once(api, service):
    slash = api.post(f"{service}/Conversations", UniqueName="a/b").json()
    encoded = api.post(f"{service}/Conversations", UniqueName="a%2Fb").json()

    assert api.get(f"{service}/Conversations/a%2Fb").json() == slash
    assert api.get(f"{service}/Conversations/a%252Fb").json() == encoded


def test_unique_names_tell_upper_from_lower_case(api, service):
    lower = api.post(f"{service}/Conversations", UniqueName="lobby").json()
    upper = api.post(f"{service}/Conversations", UniqueName="Lobby").json()

    assert api.get(f"{service}/Conversations/lobby").json() == lower
    assert api.get(f"{service}/Conversations/Lobby").json() == upper
    assert is_missing(api.get(f"{service}/Conversations/LOBBY"), f"{service}/Conversations/LOBBY")


def test_the_same_name_in_another_service_is_another_conversation(api, service):
    here = api.post(f"{service}/Conversations", UniqueName="lobby").json()
    there = api.post("Conversations", UniqueName="lobby").json()

    assert api.get(f"{service}/Conversations/lobby").json() == here
    assert api.get("Conversations/lobby").json() == there
    assert here["sid"] != there["sid"]


@pytest.mark.parametrize("name", ["CH" + "0" * 32, "lobby", "a%2Fb", "%FF", "a%00b", "50%25"])
def test_a_conversation_that_does_not_exist_is_not_found_by_the_name_as_it_was_sent(api, service, name):
    for path in (f"{service}/Conversations/{name}", f"Conversations/{name}"):
        for child in ("", "/Messages", "/Participants", "/Messages/IM1", "/Participants/alice"):
            assert is_missing(api.get(path + child), path + child)
        for child in ("", "/Messages", "/Participants"):
            assert is_missing(api.post(path + child, Identity="alice"), path + child)
        assert is_missing(api.delete(path), path)


def test_a_conversation_of_another_service_is_not_found(api, service, room):
    sid = room.split("/")[3]
    lobby = api.post("Conversations").json()
    other = "Services/" + api.post("Services", FriendlyName="Sales").json()["sid"]

    for path in (
        f"Conversations/{sid}",
        f"{other}/Conversations/{sid}",
        f"{service}/Conversations/{lobby['sid']}",
    ):
        for child in ("", "/Messages", "/Participants"):
            assert is_missing(api.get(path + child), path + child)
            assert is_missing(api.post(path + child, FriendlyName="x", Identity="alice"), path + child)
        assert is_missing(api.delete(path), path)
    assert api.get(room).json()["friendly_name"] is None
    assert api.get(f"{room}/Participants").json()["participants"] == []


def test_a_service_that_does_not_exist_has_no_conversations(api):
    path = f"Services/IS{'0' * 32}/Conversations"

    assert is_missing(api.get(path), path)
    assert is_missing(api.post(path, FriendlyName="Lobby"), path)
    assert is_missing(api.get(f"{path}/lobby"), f"{path}/lobby")


@pytest.mark.parametrize("path", ["//v1/Conversations", "///healthz", "/v1//Conversations", "//"])
def test_a_slash_too_many_is_another_path(api, running, path):
    assert refusal(api.request("GET", f"{running.url}{path}")) == (404, 20404)


def test_a_slash_at_the_end_of_a_path_changes_nothing(api, room):
    assert api.get(f"{room}/").json() == api.get(room).json()
