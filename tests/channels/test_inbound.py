"""POST /parlour/v1/Inbound: what comes from other channels lands in the conversation of its addresses."""

import json

import pytest

from tests.channels.conftest import HERE, THERE
from tests.servers import ACCOUNT_SID, OTHER_ACCOUNT_SID

pytestmark = pytest.mark.both_engines


def refusal(answer):
    return answer.status_code, answer.json()["code"]


def test_it_is_added_with_the_participant_as_its_author(scene, arrive):
    who = scene.join(HERE, THERE)
    scene.post(Body="Hi")
    answer = arrive(Body="Hi back")
    message = answer.json()

    assert answer.status_code == 201
    assert (message["author"], message["participant_sid"]) == (HERE, who["sid"])
    assert (message["body"], message["index"], message["delivery"]) == ("Hi back", 1, None)
    assert message["url"].startswith(f"{scene.api.url}/v1/{scene.path}/Messages/IM")
    assert scene.api.get(message["url"]).json() == message
    assert scene.api.get(f"{scene.path}/Messages").json()["messages"][1] == message


def test_who_else_is_on_other_channels_gets_it(scene, arrive, carry):
    scene.join(HERE, THERE)
    scene.join("bob@example.org", "desk@example.com")
    message = arrive(Body="Hi").json()
    carry()
    [receipt] = scene.reached(message, "sent")

    assert message["delivery"]["total"] == 1
    assert receipt["participant_sid"] != message["participant_sid"]


@pytest.mark.parametrize(
    ("addresses", "source"),
    [
        ((HERE, THERE), "SMS"),
        (("whatsapp:+15550100001", "whatsapp:+15550100009"), "WHATSAPP"),
        (("messenger:1", "messenger:2"), "MESSENGER"),
        (("bob@example.org", "desk@example.com"), "EMAIL"),
    ],
)
def test_webhooks_are_told_without_the_header_and_with_its_channel(
    scene, arrive, carry, receiver, addresses, source
):
    service = scene.path.partition("/Conversations")[0]
    form = {"PostWebhookUrl": receiver.url, "Filters": ["onMessageAdded"]}
    scene.api.request("POST", f"{service}/Configuration/Webhooks", data=form)
    scene.join(*addresses)
    message = arrive(sender=addresses[0], to=addresses[1], Body="Hi").json()
    carry()
    [hook] = receiver.wait_for(1)

    assert hook.parameters["Source"] == source
    assert hook.parameters["EventType"] == "onMessageAdded"
    assert hook.parameters["Author"] == addresses[0]
    assert hook.parameters["ParticipantSid"] == message["participant_sid"]
    assert hook.parameters["MessageSid"] == message["sid"]


def test_who_wants_to_be_asked_before_is_asked(scene, service, arrive, receiver):
    form = {"PreWebhookUrl": receiver.url, "Filters": ["onMessageAdd"]}
    scene.api.request("POST", f"{service}/Configuration/Webhooks", data=form)
    scene.join(HERE, THERE)
    receiver.answer_json({"body": "Amended"})
    amended = arrive(Body="Hi").json()
    receiver.answer = lambda hook: (403, b"")
    refused = arrive(Body="Hi")

    assert amended["body"] == "Amended"
    assert refusal(refused) == (403, 50056)
    assert [hook.parameters["Source"] for hook in receiver.hooks] == ["SMS", "SMS"]
    assert [hook.parameters["Author"] for hook in receiver.hooks] == [HERE, HERE]


def test_metadata_are_kept_with_it(scene, arrive):
    scene.join(HERE, THERE)
    told = {"type": "sms", "data": {"carrier": "T", "flash": False}}
    message = arrive(Body="Hi", ChannelMetadata=json.dumps(told)).json()
    shown = scene.api.get(message["links"]["channel_metadata"]).json()

    assert {name: shown[name] for name in told} == told
    without = arrive(Body="Hi").json()
    assert refusal(scene.api.get(without["links"]["channel_metadata"])) == (404, 50530)


@pytest.mark.parametrize("ending", ["closed", "deleted", "left"])
def test_where_no_open_conversation_holds_the_pair_it_is_not_found(scene, arrive, ending):
    who = scene.join(HERE, THERE)
    if ending == "closed":
        scene.api.post(scene.path, State="closed")
    else:
        scene.api.delete(scene.path if ending == "deleted" else who["url"])
    answer = arrive(Body="Hi")

    assert refusal(answer) == (404, 50350)
    assert "Conversation not found" in answer.json()["message"]
    assert answer.json()["more_info"].endswith("/50350")


def test_another_pair_is_another_conversation(scene, service, arrive):
    other = f"{service}/Conversations/" + scene.api.post(f"{service}/Conversations").json()["sid"]
    scene.join(HERE, THERE)
    scene.join(HERE, "+15550100008", path=other)

    assert arrive(Body="here").json()["url"].startswith(f"{scene.api.url}/v1/{scene.path}/")
    assert arrive(to="+15550100008", Body="there").json()["url"].startswith(f"{scene.api.url}/v1/{other}/")
    assert refusal(arrive(to="+15550100007")) == (404, 50350)
    assert refusal(arrive(sender=THERE, to=HERE)) == (404, 50350)


def test_of_two_with_the_same_address_the_one_of_the_pair_wrote(scene, arrive):
    first, second = scene.join(HERE, THERE), scene.join(HERE, "+15550100008")

    assert arrive(Body="1").json()["participant_sid"] == first["sid"]
    assert arrive(to="+15550100008", Body="2").json()["participant_sid"] == second["sid"]


def test_it_wakes_an_inactive_conversation(scene, arrive):
    scene.join(HERE, THERE)
    scene.api.post(scene.path, State="inactive")
    assert arrive(Body="Hi").status_code == 201

    assert scene.api.get(scene.path).json()["state"] == "active"


def test_another_account_holds_other_pairs(scene, arrive, stranger):
    scene.join(HERE, THERE)
    answer = stranger.post(f"{stranger.url}/parlour/v1/Inbound", {"From": HERE, "To": THERE, "Body": "Hi"})

    assert ACCOUNT_SID != OTHER_ACCOUNT_SID
    assert refusal(answer) == (404, 50350)


def test_a_group_message_goes_to_the_group_and_to_nobody_who_has_it(scene, arrive):
    members = [f"+1555010000{n}" for n in (1, 2, 3)]
    who = [scene.join(each, proxy=None) for each in members]
    scene.api.post(f"{scene.path}/Participants", {"MessagingBinding.ProjectedAddress": THERE})
    scene.join("bob@example.org", "desk@example.com")
    answer = arrive(sender=members[0], to=[THERE, *members[1:]], Body="Hi all")
    message = answer.json()

    assert answer.status_code == 201
    assert (message["author"], message["participant_sid"]) == (members[0], who[0]["sid"])
    assert message["delivery"]["total"] == 1
    assert refusal(arrive(sender=members[0], to=[THERE, members[1]])) == (404, 50350)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"From": "nonsense"}, 50407),
        ({"To": "+1 555"}, 50407),
        ({"MediaUrl": "ftp://example.org/x"}, 20001),
        ({"MediaUrl": [f"http://example.org/{n}" for n in range(11)]}, 20001),
        ({"MediaUrl": "http://example.org/" + "x" * 2_048}, 20001),
        ({"ChannelMetadata": "nonsense"}, 20001),
        ({"Attributes": "nonsense"}, 50304),
        ({"Body": "x" * 1_601}, 50504),
    ],
)
def test_what_is_wrong_is_refused(scene, arrive, parameters, code):
    scene.join(HERE, THERE)

    assert refusal(arrive(parameters)) == (400, code)
    assert scene.api.get(f"{scene.path}/Messages").json()["messages"] == []


@pytest.mark.parametrize("missing", ["From", "To"])
def test_both_addresses_are_required(scene, missing):
    form = dict.fromkeys({"From", "To"} - {missing}, HERE)
    answer = scene.api.post(f"{scene.api.url}/parlour/v1/Inbound", form)

    assert refusal(answer) == (400, 20001)
    assert missing in answer.json()["message"]


def test_it_is_not_made_from_content_or_uploads(scene, arrive):
    scene.join(HERE, THERE)
    answer = arrive(Body="Hi", ContentSid="HX" + "0" * 32, MediaSid="ME" + "0" * 32, ContentVariables="{}")

    assert answer.status_code == 201
    assert (answer.json()["content_sid"], answer.json()["media"]) == (None, None)


def test_it_takes_credentials(scene, arrive):
    scene.api.session.auth = None

    assert refusal(arrive()) == (401, 20003)


def test_sent_again_with_the_same_key_it_is_added_once(scene, arrive, receiver):
    scene.join(HERE, THERE)
    scene.api.session.headers["Idempotency-Key"] = "SM1"
    answers = [arrive(Body="Hi", MediaUrl=receiver.url).json() for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(scene.api.get(f"{scene.path}/Messages").json()["messages"]) == 1
    assert len(receiver.hooks) == 1
