"""In a group message only its members speak (400/50513); elsewhere anybody does."""

import pytest

pytestmark = pytest.mark.both_engines

GROUP = ("+15550100001", "+15550100002")
PROJECTED = "+15550100009"


@pytest.fixture
def group(api, room):
    for address in GROUP:
        assert api.post(f"{room}/Participants", {"MessagingBinding.Address": address}).status_code == 201
    form = {"Identity": "alice", "MessagingBinding.ProjectedAddress": PROJECTED}
    assert api.post(f"{room}/Participants", form).status_code == 201
    return room


@pytest.mark.parametrize("author", ["bob", "system", "+15550100003", None])
def test_whoever_is_not_in_the_group_cannot_write_to_it(api, group, author):
    answer = api.post(f"{group}/Messages", {"Body": "Hi"} | ({} if author is None else {"Author": author}))

    assert answer.status_code == 400
    assert answer.json()["code"] == 50513
    assert answer.json()["message"] == "Message author should be among Group MMS participants."
    assert api.get(f"{group}/Messages").json()["messages"] == []


@pytest.mark.parametrize(("author", "others"), [("alice", 2), (PROJECTED, 2), (GROUP[0], 1)])
def test_members_write_by_identity_and_by_address(api, group, author, others):
    answer = api.post(f"{group}/Messages", Author=author, Body="Hi")

    assert answer.status_code == 201
    assert answer.json()["participant_sid"] is not None
    assert answer.json()["delivery"]["total"] == others


def test_a_message_does_not_become_a_strangers(api, group):
    message = api.post(f"{group}/Messages", Author="alice", Body="Hi").json()
    answers = [api.post(message["url"], Author=author) for author in ("bob", "")]

    assert [answer.json()["code"] for answer in answers] == [50513] * 2
    assert api.get(message["url"]).json() == message
    assert api.post(message["url"], Body="Hello").status_code == 200


@pytest.mark.parametrize(
    "binding",
    [
        {"MessagingBinding.Address": GROUP[0], "MessagingBinding.ProxyAddress": PROJECTED},
        {"MessagingBinding.Address": "bob@example.org"},
        {"Identity": "bob"},
    ],
)
def test_in_other_conversations_anybody_writes(api, room, binding):
    assert api.post(f"{room}/Participants", binding).status_code == 201
    answer = api.post(f"{room}/Messages", Author="somebody", Body="Hi")

    assert answer.status_code == 201
    assert answer.json()["participant_sid"] is None
