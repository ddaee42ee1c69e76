"""DELETE …/Conversations/{Sid}."""

import pytest

pytestmark = pytest.mark.core

PAIR = {"MessagingBinding.Address": "+15550100001", "MessagingBinding.ProxyAddress": "+15550100002"}


@pytest.mark.parametrize("state", ["active", "inactive", "closed"])
def test_a_deleted_conversation_is_gone_whatever_its_state(api, service, room, state):
    api.post(room, State=state)
    answer = api.delete(room)

    assert answer.status_code == 204
    assert answer.content == b""
    assert api.get(f"{service}/Conversations").json()["conversations"] == []
    for again in (api.get(room), api.post(room, FriendlyName="x"), api.delete(room)):
        assert again.status_code == 404
        assert again.json()["code"] == 20404
        assert again.json()["message"] == f"The requested resource /{room} was not found"


def test_with_a_conversation_everything_in_it_is_deleted(api, room):
    message = api.post(f"{room}/Messages", Body="Hello").json()
    participant = api.post(f"{room}/Participants", Identity="alice").json()
    urls = [message["url"], participant["url"], *message["links"].values()]
    urls += [f"{room}/Messages", f"{room}/Participants", f"{room}/Participants/alice"]
    # Read before, so that an answer that is kept would be seen.
    assert api.get(message["url"]).json() == message
    assert api.get(participant["url"]).json() == participant

    api.delete(room)
    for url in urls:
        assert (api.get(url).status_code, api.get(url).json()["code"]) == (404, 20404)
    for url in (f"{room}/Messages", f"{room}/Participants"):
        assert api.post(url, Identity="bob").status_code == 404


def test_a_new_conversation_of_the_same_name_has_nothing_of_the_old(api, service):
    path = f"{service}/Conversations/lobby"
    sids = set()
    # Each life has as many changes as the last, so that an answer that is kept would fit.
    for life in ("first", "second"):
        sids.add(api.post(f"{service}/Conversations", UniqueName="lobby").json()["sid"])
        assert api.get(f"{path}/Messages").json()["messages"] == []
        assert api.post(f"{path}/Messages", Body=life).json()["index"] == 0
        api.post(f"{path}/Participants", Identity=life)
        assert [each["body"] for each in api.get(f"{path}/Messages").json()["messages"]] == [life]
        members = api.get(f"{path}/Participants").json()["participants"]
        assert [each["identity"] for each in members] == [life]
        api.delete(path)
    assert len(sids) == 2


def test_the_addresses_of_a_deleted_conversation_are_free_again(api, service, room):
    other = api.post(f"{service}/Conversations").json()
    api.post(f"{room}/Participants", PAIR)
    assert api.post(other["links"]["participants"], PAIR).status_code == 409

    api.delete(room)
    assert api.post(other["links"]["participants"], PAIR).status_code == 201


def test_the_others_stay_as_they_are(api, service, room):
    other = api.post(f"{service}/Conversations").json()
    message = api.post(other["links"]["messages"], Body="Hello").json()
    api.delete(room)

    assert api.get(f"{service}/Conversations").json()["conversations"] == [other]
    assert api.get(message["url"]).json() == message
