"""GET and DELETE …/Participants."""

from urllib.parse import quote

import pytest

pytestmark = pytest.mark.both_engines

PAIR = {"MessagingBinding.Address": "+15550100001", "MessagingBinding.ProxyAddress": "+15550100002"}


@pytest.fixture
def join(api, room):
    """Adds participants of the given identities."""

    def join(*identities):
        return [api.post(f"{room}/Participants", Identity=identity).json() for identity in identities]

    return join


def identities(answer):
    assert answer.status_code == 200
    return [participant["identity"] for participant in answer.json()["participants"]]


def is_missing(answer, path):
    assert answer.status_code == 404
    assert answer.json()["code"] == 20404
    return answer.json()["message"] == f"The requested resource /{path} was not found"


def test_an_empty_conversation_has_one_empty_page_of_participants(api, room, running):
    url = f"{running.url}/v1/{room}/Participants?PageSize=50&Page=0"

    assert api.get(f"{room}/Participants").json() == {
        "meta": {
            "page": 0,
            "page_size": 50,
            "first_page_url": url,
            "previous_page_url": None,
            "url": url,
            "next_page_url": None,
            "key": "participants",
        },
        "participants": [],
    }


def test_participants_are_listed_in_the_order_in_which_they_joined(api, room, join, clock):
    listed = []
    for identity in ("zoe", "alice", "mia"):
        listed += join(identity)
        clock.advance(milliseconds=1)

    assert api.get(f"{room}/Participants").json()["participants"] == listed


def test_participants_are_paged_through_both_ways(api, room, join):
    join(*"abcde")
    first = api.get(f"{room}/Participants", PageSize=2)
    second = api.get(first.json()["meta"]["next_page_url"])
    third = api.get(second.json()["meta"]["next_page_url"])

    assert [identities(page) for page in (first, second, third)] == [["a", "b"], ["c", "d"], ["e"]]
    assert third.json()["meta"]["next_page_url"] is None
    back = api.get(third.json()["meta"]["previous_page_url"])
    assert identities(back) == ["c", "d"]
    assert identities(api.get(back.json()["meta"]["previous_page_url"])) == ["a", "b"]


def test_a_page_holds_100_participants_at_most(api, room):
    assert api.get(f"{room}/Participants", PageSize=1_000).json()["meta"]["page_size"] == 100


def test_a_list_shows_every_change_at_once(api, room, join):
    [alice] = join("alice")
    for change in ({"Attributes": "[1]"}, {"LastReadMessageIndex": "3"}):
        assert identities(api.get(f"{room}/Participants")) == ["alice"]
        changed = api.post(alice["url"], change).json()
        assert api.get(f"{room}/Participants").json()["participants"] == [changed]
        assert api.get(alice["url"]).json() == changed
    api.delete(alice["url"])
    assert identities(api.get(f"{room}/Participants")) == []


@pytest.mark.parametrize(
    "identity",
    ["alice", "alice@example.com", "a/b", "a b", "50%", "a+b", "Zoë", "MB" + "0" * 31, "x" * 256],
)
def test_a_participant_is_fetched_by_sid_and_by_identity(api, room, join, identity):
    [participant] = join(identity)

    assert api.get(f"{room}/Participants/{participant['sid']}").json() == participant
    assert api.get(f"{room}/Participants/{quote(identity, safe='')}").json() == participant


def test_an_identity_tells_upper_from_lower_case(api, room, join):
    join("alice")

    assert is_missing(api.get(f"{room}/Participants/Alice"), f"{room}/Participants/Alice")


@pytest.mark.parametrize("sid", ["MB" + "0" * 32, "alice", "a%2Fb", "+15550100001", "US" + "0" * 32])
def test_a_participant_that_does_not_exist_is_not_found(api, room, sid):
    api.post(f"{room}/Participants", PAIR)
    path = f"{room}/Participants/{sid}"

    assert is_missing(api.get(path), path)
    assert is_missing(api.post(path, Attributes="[]"), path)
    assert is_missing(api.delete(path), path)


def test_a_participant_of_another_conversation_is_not_found(api, service, room, join):
    [alice] = join("alice")
    other = f"{service}/Conversations/" + api.post(f"{service}/Conversations").json()["sid"]

    for name in (alice["sid"], "alice"):
        path = f"{other}/Participants/{name}"
        assert is_missing(api.get(path), path)
        assert is_missing(api.post(path, Attributes="[]"), path)
        assert is_missing(api.delete(path), path)
    assert api.get(alice["url"]).json() == alice


@pytest.mark.parametrize("name", ["sid", "identity"])
def test_a_deleted_participant_is_gone(api, room, join, name):
    alice, _ = join("alice", "bob")
    path = f"{room}/Participants/{alice[name]}"
    answer = api.delete(path)

    assert answer.status_code == 204
    assert answer.content == b""
    assert identities(api.get(f"{room}/Participants")) == ["bob"]
    for again in (api.get(path), api.post(path, Attributes="[]"), api.delete(path)):
        assert is_missing(again, path)


def test_messages_outlive_their_author(api, room, join):
    [alice] = join("alice")
    message = api.post(f"{room}/Messages", Author="alice").json()
    api.delete(alice["url"])

    assert message["participant_sid"] == alice["sid"]
    assert api.get(message["url"]).json() == message
    assert api.post(f"{room}/Messages", Author="alice").json()["participant_sid"] is None


def test_who_left_may_join_again_as_another_participant(api, room, join):
    [alice] = join("alice")
    api.delete(alice["url"])
    [again] = join("alice")

    assert again["sid"] != alice["sid"]
    assert identities(api.get(f"{room}/Participants")) == ["alice"]


def test_who_leaves_does_not_wake_a_conversation(api, room, join):
    [alice] = join("alice")
    api.post(room, State="inactive")
    api.delete(alice["url"])

    assert api.get(room).json()["state"] == "inactive"


def test_in_the_default_service_the_service_is_not_shown(api, running):
    conversation = api.post("Conversations", UniqueName="lobby").json()
    alice = api.post("Conversations/lobby/Participants", Identity="alice").json()
    url = f"{running.url}/v1/Conversations/{conversation['sid']}/Participants/{alice['sid']}"

    assert "chat_service_sid" not in alice
    assert alice["url"] == url
    assert api.get("Conversations/lobby/Participants").json()["participants"] == [alice]
    named = api.get(f"Services/{conversation['chat_service_sid']}/Conversations/lobby/Participants/alice")
    assert named.json()["chat_service_sid"] == conversation["chat_service_sid"]
    assert named.json()["sid"] == alice["sid"]
