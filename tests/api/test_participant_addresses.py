"""POST …/Participants: which conversation holds a pair of addresses, or a group's set of them."""

import pytest

pytestmark = pytest.mark.both_engines

ALICE, BOB, CAROL = "+15550100001", "+15550100002", "+15550100003"
OURS, OTHER_OURS = "+15550100008", "+15550100009"


@pytest.fixture
def rooms(api, service):
    """The paths of three conversations, one of them in another service."""
    paths = [f"{service}/Conversations", f"{service}/Conversations", "Conversations"]
    return [f"{path}/{api.post(path).json()['sid']}" for path in paths]


def sid_of(room):
    return room.split("/")[-1]


def join(api, room, **binding):
    form = {f"MessagingBinding.{name}": address for name, address in binding.items()}
    return api.post(f"{room}/Participants", form)


def pair_up(api, room, address=ALICE, proxy=OURS):
    return join(api, room, Address=address, ProxyAddress=proxy)


def gather(api, room, *addresses, projected=OURS):
    """Make a group of `addresses` and a number of ours; the answer to the last one."""
    answer = join(api, room, ProjectedAddress=projected)
    for address in addresses:
        answer = join(api, room, Address=address)
    return answer


def count(api, room):
    return len(api.get(f"{room}/Participants").json()["participants"])


def is_pair_taken(answer, holder):
    assert answer.status_code == 409
    sid = sid_of(holder)
    assert answer.json() == {
        "code": 50416,
        "message": f"A binding for this participant and proxy address already exists in Conversation {sid}",
        "more_info": "https://www.twilio.com/docs/errors/50416",
        "status": 409,
    }
    return True


def is_group_taken(answer, holder):
    assert answer.status_code == 409
    sid = sid_of(holder)
    assert answer.json() == {
        "code": 50438,
        "message": f"Group MMS with given participant list already exists as Conversation {sid}",
        "more_info": "https://www.twilio.com/docs/errors/50438",
        "status": 409,
    }
    return True


def test_a_pair_of_addresses_is_in_one_conversation_of_the_account(api, rooms):
    here, there, elsewhere = rooms
    assert pair_up(api, here).status_code == 201

    for room in (there, elsewhere):
        assert is_pair_taken(pair_up(api, room), here)
        assert count(api, room) == 0


def test_a_pair_of_addresses_joins_its_own_conversation_once_too(api, rooms):
    pair_up(api, rooms[0])

    assert is_pair_taken(pair_up(api, rooms[0]), rooms[0])
    assert count(api, rooms[0]) == 1


@pytest.mark.parametrize(
    ("address", "proxy"),
    [(ALICE, OTHER_OURS), (BOB, OURS), (OURS, ALICE), (f"whatsapp:{ALICE}", f"whatsapp:{OURS}")],
)
def test_another_pair_is_free(api, rooms, address, proxy):
    pair_up(api, rooms[0])

    assert pair_up(api, rooms[1], address, proxy).status_code == 201


def test_an_inactive_conversation_still_holds_its_pairs(api, rooms):
    pair_up(api, rooms[0])
    api.post(rooms[0], State="inactive")

    assert is_pair_taken(pair_up(api, rooms[1]), rooms[0])


def test_closing_a_conversation_releases_its_pairs_for_good(api, rooms):
    pair_up(api, rooms[0])
    api.post(rooms[0], State="closed")

    assert pair_up(api, rooms[1]).status_code == 201
    assert is_pair_taken(pair_up(api, rooms[2]), rooms[1])
    api.delete(rooms[0])
    assert is_pair_taken(pair_up(api, rooms[2]), rooms[1])


def test_deleting_a_conversation_releases_its_pairs(api, rooms):
    pair_up(api, rooms[0])
    api.delete(rooms[0])

    assert pair_up(api, rooms[1]).status_code == 201


def test_a_participant_who_leaves_releases_its_own_pair_only(api, rooms):
    alice = pair_up(api, rooms[0]).json()
    pair_up(api, rooms[0], BOB)
    api.delete(alice["url"])

    assert pair_up(api, rooms[1]).status_code == 201
    assert is_pair_taken(pair_up(api, rooms[1], BOB), rooms[0])


def test_a_pair_that_was_refused_is_not_held(api, rooms):
    here, there, _ = rooms
    pair_up(api, here)
    pair_up(api, there)
    api.delete(here)

    assert pair_up(api, there).status_code == 201


def test_an_update_leaves_a_pair_where_it_is(api, rooms):
    alice = pair_up(api, rooms[0]).json()
    api.post(alice["url"], Attributes="[1]")
    api.post(rooms[0], FriendlyName="Lobby", State="inactive")

    assert is_pair_taken(pair_up(api, rooms[1]), rooms[0])


def test_a_group_of_the_same_members_is_in_one_conversation_of_the_account(api, rooms):
    here, there, elsewhere = rooms
    assert gather(api, here, ALICE, BOB).status_code == 201

    for room in (there, elsewhere):
        assert is_group_taken(gather(api, room, BOB, ALICE), here)
        assert count(api, room) == 2


@pytest.mark.parametrize("members", [(ALICE, CAROL), (ALICE, BOB, CAROL)])
def test_a_group_of_other_members_is_free(api, rooms, members):
    gather(api, rooms[0], ALICE, BOB)
    members = sorted(members, reverse=True)

    assert gather(api, rooms[1], *members).status_code == 201
    assert count(api, rooms[1]) == 1 + len(members)


def test_a_group_under_another_number_of_ours_is_free(api, rooms):
    gather(api, rooms[0], ALICE, BOB)

    assert gather(api, rooms[1], ALICE, BOB, projected=OTHER_OURS).status_code == 201


def test_a_group_that_has_grown_holds_its_new_members_and_not_its_old(api, rooms):
    gather(api, rooms[0], ALICE, BOB)
    join(api, rooms[0], Address=CAROL)

    assert gather(api, rooms[1], ALICE, BOB).status_code == 201
    assert is_group_taken(join(api, rooms[1], Address=CAROL), rooms[0])


def test_a_group_that_has_shrunk_holds_who_is_left(api, rooms):
    gather(api, rooms[0], ALICE, BOB)
    carol = join(api, rooms[0], Address=CAROL).json()
    api.delete(carol["url"])

    assert is_group_taken(gather(api, rooms[1], ALICE, BOB), rooms[0])


@pytest.mark.parametrize("end", ["close", "delete"])
def test_ending_a_conversation_releases_its_group(api, rooms, end):
    gather(api, rooms[0], ALICE, BOB)
    if end == "close":
        api.post(rooms[0], State="closed")
    else:
        api.delete(rooms[0])

    assert gather(api, rooms[1], ALICE, BOB).status_code == 201


def test_a_group_counts_a_number_of_ours_that_an_identity_speaks_through(api, rooms):
    def speak_through(room):
        form = {"Identity": "agent", "MessagingBinding.ProjectedAddress": OURS}
        return api.post(f"{room}/Participants", form)

    for address in (ALICE, BOB):
        join(api, rooms[0], Address=address)
        join(api, rooms[1], Address=address)
    assert speak_through(rooms[0]).status_code == 201
    assert is_group_taken(speak_through(rooms[1]), rooms[0])


def test_a_group_that_loses_its_number_of_ours_is_free(api, rooms):
    for member in (ALICE, BOB):
        join(api, rooms[0], Address=member)
    form = {"Identity": "agent", "MessagingBinding.ProjectedAddress": OURS}
    agent = api.post(f"{rooms[0]}/Participants", form).json()
    api.delete(agent["url"])

    assert gather(api, rooms[1], ALICE, BOB).status_code == 201


def test_people_with_a_pair_are_no_part_of_a_group(api, rooms):
    pair_up(api, rooms[0], CAROL)
    gather(api, rooms[0], ALICE, BOB)

    assert is_group_taken(gather(api, rooms[1], ALICE, BOB), rooms[0])


def test_a_group_has_ten_members_at_most(api, rooms):
    members = [f"+155503000{number:02}" for number in range(9)]
    assert gather(api, rooms[0], *members).status_code == 201

    refused = join(api, rooms[0], Address=ALICE)
    assert (refused.status_code, refused.json()["code"]) == (400, 50436)
    assert refused.json()["message"] == "Participant limit exceeded for group conversation"
    assert count(api, rooms[0]) == 10
    assert pair_up(api, rooms[0]).status_code == 201


def test_an_address_joins_a_group_once(api, rooms):
    gather(api, rooms[0], ALICE)
    again = join(api, rooms[0], Address=ALICE)

    assert (again.status_code, again.json()["code"]) == (409, 50437)
    assert count(api, rooms[0]) == 2
