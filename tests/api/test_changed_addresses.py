"""POST …/Participants/{Sid}: a participant who moves between a pair of addresses and a group."""

import pytest

from tests.api.test_participant_addresses import (
    ALICE,
    BOB,
    CAROL,
    OTHER_OURS,
    OURS,
    count,
    gather,
    is_group_taken,
    is_pair_taken,
    join,
    pair_up,
)

pytestmark = pytest.mark.both_engines

PROXY, PROJECTED = "MessagingBinding.ProxyAddress", "MessagingBinding.ProjectedAddress"
NEEDS_PROJECTED = (400, 50434, "Participant projected address not provided")
NOT_ACTIVATED = (400, 50435, "Group MMS activation failed.")


@pytest.fixture
def rooms(api, service):
    """The paths of three conversations of one service."""
    path = f"{service}/Conversations"
    return [f"{path}/{api.post(path).json()['sid']}" for _ in range(3)]


def refusal(answer):
    return answer.status_code, answer.json()["code"], answer.json()["message"]


def is_unchanged(api, participant):
    return api.get(participant["url"]).json() == participant


def test_without_its_proxy_a_participant_is_in_the_group_and_its_pair_is_free(api, rooms, clock):
    here, there, elsewhere = rooms
    gather(api, here, ALICE)
    bob = pair_up(api, here, BOB).json()
    clock.advance(seconds=1)
    answer = api.post(bob["url"], {PROXY: "null"})
    binding = {"messaging_binding": {"type": "sms", "address": BOB}}

    assert answer.status_code == 200
    assert answer.json() == bob | binding | {"date_updated": "2024-01-01T00:00:01Z"}
    assert is_unchanged(api, answer.json())
    assert pair_up(api, there, BOB).status_code == 201
    assert is_group_taken(gather(api, elsewhere, ALICE, BOB), here)
    message = api.post(f"{here}/Messages", Author=ALICE, Body="Hi").json()
    assert message["delivery"]["total"] == 1


def test_with_a_proxy_a_participant_has_a_pair_and_leaves_the_group(api, rooms, clock):
    here, there, elsewhere = rooms
    bob = gather(api, here, ALICE, BOB).json()
    clock.advance(seconds=1)
    answer = api.post(bob["url"], {PROXY: OTHER_OURS})
    binding = {"messaging_binding": {"type": "sms", "address": BOB, "proxy_address": OTHER_OURS}}

    assert answer.status_code == 200
    assert answer.json() == bob | binding | {"date_updated": "2024-01-01T00:00:01Z"}
    assert is_pair_taken(pair_up(api, there, BOB, OTHER_OURS), here)
    assert gather(api, elsewhere, ALICE, BOB).status_code == 201


def test_a_participant_goes_to_the_group_and_back(api, rooms):
    gather(api, rooms[0], ALICE)
    bob = pair_up(api, rooms[0], BOB).json()
    for other in rooms[1:]:
        assert api.post(bob["url"], {PROXY: "null"}).status_code == 200
        assert is_group_taken(gather(api, other, ALICE, BOB), rooms[0])
        assert api.post(bob["url"], {PROXY: OURS}).json()["messaging_binding"] == bob["messaging_binding"]
        assert is_pair_taken(pair_up(api, other, BOB), rooms[0])


def test_a_proxy_whose_pair_is_taken_is_refused(api, rooms):
    pair_up(api, rooms[1], BOB)
    bob = gather(api, rooms[0], ALICE, BOB).json()

    assert is_pair_taken(api.post(bob["url"], {PROXY: OURS}), rooms[1])
    assert is_unchanged(api, bob)
    assert is_group_taken(gather(api, rooms[2], ALICE, BOB), rooms[0])


def test_a_proxy_is_kept_if_the_address_is_in_the_group_already(api, rooms):
    gather(api, rooms[0], ALICE, BOB)
    bob = pair_up(api, rooms[0], BOB).json()

    assert refusal(api.post(bob["url"], {PROXY: "null"})) == (409, 50437, "Group Participant already exists")
    assert is_unchanged(api, bob)
    assert is_pair_taken(pair_up(api, rooms[1], BOB), rooms[0])


def test_a_proxy_is_kept_if_another_conversation_has_the_group(api, rooms):
    gather(api, rooms[1], ALICE, BOB)
    gather(api, rooms[0], ALICE)
    bob = pair_up(api, rooms[0], BOB).json()

    assert is_group_taken(api.post(bob["url"], {PROXY: "null"}), rooms[1])
    assert is_unchanged(api, bob)
    assert is_pair_taken(pair_up(api, rooms[2], BOB), rooms[0])


def test_a_proxy_is_kept_if_the_group_is_full(api, rooms):
    gather(api, rooms[0], *[f"+155503000{number:02}" for number in range(9)])
    bob = pair_up(api, rooms[0], BOB).json()

    assert refusal(api.post(bob["url"], {PROXY: "null"}))[:2] == (400, 50436)
    assert is_unchanged(api, bob)


@pytest.mark.parametrize("members", [[ALICE], [ALICE, BOB]])
def test_an_identity_needs_a_projected_address_in_a_group(api, rooms, members):
    gather(api, rooms[0], *members)
    before = count(api, rooms[0])
    path = f"{rooms[0]}/Participants"

    assert refusal(api.post(path, Identity="agent")) == NEEDS_PROJECTED
    assert count(api, rooms[0]) == before
    agent = api.post(path, {"Identity": "agent", PROJECTED: OTHER_OURS})
    assert agent.status_code == 201
    assert refusal(api.post(agent.json()["url"], {PROJECTED: "null"})) == NEEDS_PROJECTED
    assert is_unchanged(api, agent.json())


@pytest.mark.parametrize(
    ("address", "proxy"),
    [(ALICE, OURS), ("bob@example.org", None), (f"whatsapp:{ALICE}", None)],
)
def test_beside_others_an_identity_needs_none(api, rooms, address, proxy):
    binding = {"Address": address} | ({} if proxy is None else {"ProxyAddress": proxy})
    assert join(api, rooms[0], **binding).status_code == 201

    assert api.post(f"{rooms[0]}/Participants", Identity="agent").status_code == 201


def test_a_conversation_with_an_identity_that_has_no_number_does_not_become_a_group(api, rooms):
    agent = api.post(f"{rooms[0]}/Participants", Identity="agent").json()
    carol = pair_up(api, rooms[0], CAROL).json()

    assert refusal(join(api, rooms[0], Address=ALICE)) == NOT_ACTIVATED
    assert refusal(api.post(carol["url"], {PROXY: "null"})) == NOT_ACTIVATED
    assert is_unchanged(api, carol)
    assert is_pair_taken(pair_up(api, rooms[1], CAROL), rooms[0])
    assert api.post(agent["url"], {PROJECTED: OURS}).status_code == 200
    assert join(api, rooms[0], Address=ALICE).status_code == 201
    assert api.post(carol["url"], {PROXY: "null"}).status_code == 200


def test_the_last_member_of_a_group_takes_the_need_of_numbers_along(api, rooms):
    alice = gather(api, rooms[0], ALICE).json()
    api.post(alice["url"], {PROXY: OTHER_OURS})

    assert api.post(f"{rooms[0]}/Participants", Identity="agent").status_code == 201
