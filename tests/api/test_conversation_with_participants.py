"""…/ConversationWithParticipants: a conversation and its participants in one request."""

import json

import pytest

pytestmark = pytest.mark.both_engines

ALICE = {"identity": "alice", "attributes": '{"a":1}'}
PHONE = {"messaging_binding": {"address": "+15550100001", "proxy_address": "+15550100002"}}


def create(api, service, *participants, **form):
    sent = [each if isinstance(each, str) else json.dumps(each) for each in participants]
    return api.post(f"{service}/ConversationWithParticipants", {"Participant": sent, **form})


def listed(api, conversation):
    return api.get(conversation["links"]["participants"]).json()["participants"]


def names(api, service):
    found = api.get(f"{service}/Conversations").json()["conversations"]
    return [each["friendly_name"] for each in found]


def test_a_conversation_comes_with_its_participants(api, service, running):
    answer = create(api, service, ALICE, PHONE, FriendlyName="Help", UniqueName="help")
    conversation = answer.json()

    assert answer.status_code == 202
    assert conversation["url"] == f"{running.url}/v1/{service}/Conversations/{conversation['sid']}"
    assert (conversation["friendly_name"], conversation["state"]) == ("Help", "active")
    assert api.get(f"{service}/Conversations/help").json() == conversation
    alice, phone = listed(api, conversation)
    assert (alice["identity"], alice["attributes"]) == ("alice", '{"a":1}')
    assert phone["messaging_binding"]["address"] == "+15550100001"
    assert phone["role_sid"] == alice["role_sid"]


def test_in_the_default_service_urls_are_short(api, running):
    conversation = api.post("ConversationWithParticipants", Participant=json.dumps(ALICE)).json()

    assert conversation["url"] == f"{running.url}/v1/Conversations/{conversation['sid']}"
    assert [each["identity"] for each in listed(api, conversation)] == ["alice"]


def test_without_participants_it_is_created_like_any_other(api, service):
    answer = create(api, service, FriendlyName="Empty")

    assert answer.status_code == 201
    assert listed(api, answer.json()) == []


def test_members_may_have_the_names_of_parameters_and_attributes_may_be_an_object(api, service):
    sent = {"Identity": "bob", "Attributes": {"b": [1]}, "MessagingBinding.ProjectedAddress": "+15550100009"}
    [bob] = listed(api, create(api, service, sent, {"identity": None} | PHONE).json())[:1]

    assert (bob["identity"], json.loads(bob["attributes"])) == ("bob", {"b": [1]})
    assert bob["messaging_binding"]["projected_address"] == "+15550100009"


@pytest.mark.parametrize(
    ("participants", "status", "code"),
    [
        (["{"], 400, 50424),
        (["[]"], 400, 50424),
        (['"alice"'], 400, 50424),
        ([ALICE, {"messaging_binding": "+15550100001"}], 400, 50424),
        ([{"identity": f"user{n}"} for n in range(11)], 400, 50426),
        ([ALICE, ALICE], 409, 50433),
        ([ALICE, {}], 400, 50204),
        ([ALICE, {"identity": "x" * 257}], 400, 50207),
        ([PHONE, PHONE], 409, 50425),
        ([ALICE, {"identity": "bob", "role_sid": "RL" + "f" * 32}], 400, 50109),
    ],
)
def test_if_one_cannot_be_nothing_is_created(api, service, participants, status, code):
    answer = create(api, service, *participants, FriendlyName="Refused", UniqueName="refused")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert names(api, service) == []
    assert create(api, service, ALICE, UniqueName="refused").status_code == 202


def test_ten_participants_are_not_too_many(api, service):
    answer = create(api, service, *({"identity": f"user{n}"} for n in range(10)))

    assert answer.status_code == 202
    assert len(listed(api, answer.json())) == 10


def test_a_pair_that_an_open_conversation_holds_is_refused(api, service):
    create(api, service, PHONE)
    answer = create(api, service, PHONE)

    assert (answer.status_code, answer.json()["code"]) == (409, 50425)


def test_a_repeated_request_with_its_key_gets_the_same_answer_and_status(api, service):
    form = {"Participant": json.dumps(ALICE)}
    answers = [
        api.request(
            "POST",
            f"{service}/ConversationWithParticipants",
            data=form,
            headers={"Idempotency-Key": "once"},
        )
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert len(names(api, service)) == 1
