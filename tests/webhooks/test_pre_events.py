"""What is asked before a change: it is rehearsed, amended, refused, or made as it was."""

import threading

import pytest

from tests.hostile import IN_JSON
from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.both_engines

PRE = {"AccountSid": ACCOUNT_SID, "Source": "API", "RetryCount": "0"}


@pytest.fixture
def asked(listen, receiver):
    """The receiver, asked before everything and told of nothing."""
    listen(PreWebhookUrl=f"{receiver.url}/pre", PostWebhookUrl="")
    return receiver


def test_a_message_is_asked_about_before_it_has_a_sid(hooked, room, asked):
    message = hooked.post(f"{room}/Messages", Body="Hi", Author="alice").json()
    [hook] = asked.hooks

    assert message["body"] == "Hi"
    assert hook.is_signed
    assert hook.parameters == PRE | {
        "EventType": "onMessageAdd",
        "ConversationSid": message["conversation_sid"],
        "ChatServiceSid": message["chat_service_sid"],
        "Body": "Hi",
        "Author": "alice",
        "Attributes": "{}",
    }


def test_the_answer_takes_the_place_of_what_was_sent(hooked, room, asked):
    asked.answer_json({"body": "amended", "author": "bob", "attributes": '{"b":1}', "index": 7, "sid": "x"})
    message = hooked.post(f"{room}/Messages", Body="Hi", Author="alice").json()

    assert (message["body"], message["author"], message["attributes"]) == ("amended", "bob", '{"b":1}')
    assert message["index"] == 0
    updated = hooked.post(message["url"], Body="again").json()
    assert updated["body"] == "amended"


def test_an_answer_may_come_in_pieces(hooked, room, asked):
    asked.answer = lambda hook: (200, [b'{"body": "ame', b'nded"}'])

    assert hooked.post(f"{room}/Messages", Body="Hi").json()["body"] == "amended"


def test_a_conversation_gets_another_name(hooked, service, asked):
    asked.answer_json({"friendly_name": "Amended"})
    conversation = hooked.post(f"{service}/Conversations", FriendlyName="Room").json()

    assert conversation["friendly_name"] == "Amended"
    assert asked.hooks[0].parameters["FriendlyName"] == "Room"
    assert {"ConversationSid", "DateCreated"}.isdisjoint(asked.hooks[0].parameters)


@pytest.mark.parametrize(
    ("answer", "code"),
    [({"body": "x" * 1_601}, 50504), ({"attributes": "{"}, 50304), ({"author": "a" * 257}, 50310)],
)
def test_a_bad_amendment_is_the_callers_error(hooked, room, asked, answer, code):
    asked.answer_json(answer)
    refused = hooked.post(f"{room}/Messages", Body="Hi")

    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert hooked.get(f"{room}/Messages").json()["messages"] == []


@pytest.mark.parametrize("status", [400, 404, 500, 503, 302])
def test_a_refusal_is_told_the_caller_and_nothing_is_changed(hooked, room, asked, status):
    asked.answer = lambda hook: (status, b"no")
    refused = hooked.post(f"{room}/Messages", Body="Hi")

    assert refused.status_code == 403
    assert refused.json()["code"] == 50056
    assert refused.json()["message"] == "Webhook cancelled processing of command"
    assert hooked.get(f"{room}/Messages").json()["messages"] == []
    assert [hook.path for hook in asked.hooks] == ["/pre"]


@pytest.mark.parametrize("body", [b"", b"{}", b"not json", b"[1]", b'{"body": 1}', b'{"body": null}'])
def test_an_answer_that_says_nothing_lets_the_change_pass(hooked, room, asked, body):
    asked.answer = lambda hook: (200, body)

    assert hooked.post(f"{room}/Messages", Body="Hi").json()["body"] == "Hi"


@pytest.mark.parametrize("raw", IN_JSON)
def test_an_answer_with_hostile_text_is_none(hooked, room, asked, raw):
    asked.answer = lambda hook: (200, b'{"body": "%s", "author": "mallory"}' % raw)
    [message] = [hooked.post(f"{room}/Messages", Body="Hi").json()]

    assert (message["body"], message["author"]) == ("Hi", "system")
    assert hooked.get(f"{room}/Messages").json()["messages"] == [message]


def test_a_target_that_is_not_there_lets_the_change_pass(hooked, room, asked):
    asked.close()

    assert hooked.post(f"{room}/Messages", Body="Hi").status_code == 201


def test_what_would_be_refused_anyway_is_not_asked_about(hooked, room, asked):
    assert hooked.post(f"{room}/Messages", Body="x" * 1_601).json()["code"] == 50504
    assert hooked.post(f"{room}x/Messages").status_code == 404
    assert asked.hooks == []


def test_every_change_is_asked_about(hooked, service, asked):
    conversation = hooked.post(f"{service}/Conversations").json()
    message = hooked.post(conversation["links"]["messages"], Body="Hi").json()
    participant = hooked.post(conversation["links"]["participants"], Identity="alice").json()
    for made in (message, participant, conversation):
        hooked.post(made["url"], Attributes="[]")
        hooked.delete(made["url"])

    assert asked.events() == [
        "onConversationAdd",
        "onMessageAdd",
        "onParticipantAdd",
        "onMessageUpdate",
        "onMessageRemove",
        "onParticipantUpdate",
        "onParticipantRemove",
        "onConversationUpdate",
        "onConversationRemove",
    ]
    removed = asked.hooks[4].parameters
    assert removed["MessageSid"] == message["sid"]
    assert removed["Index"] == "0"


def test_a_removal_can_be_refused(hooked, room, asked):
    message = hooked.post(f"{room}/Messages", Body="Hi").json()
    asked.answer = lambda hook: (403, b"")

    assert hooked.delete(message["url"]).json()["code"] == 50056
    assert hooked.get(message["url"]).json() == message


def test_a_request_that_does_not_ask_for_webhooks_is_not_held_up(api, room, asked):
    api.post(f"{room}/Messages", Body="Hi")

    assert asked.hooks == []


def test_others_are_served_while_one_is_asked_about(hooked, room, asked):
    seen = []

    def answer(hook):
        options = {"headers": {"X-Twilio-Webhook-Enabled": "false"}}
        seen.append(hooked.request("POST", f"{room}/Messages", data={"Body": "meanwhile"}, **options))
        return 200, b""

    asked.answer = answer
    message = hooked.post(f"{room}/Messages", Body="Hi").json()

    assert seen[0].json()["index"] == 0
    assert message["index"] == 1


def test_a_target_that_never_answers_delays_and_does_not_refuse(monkeypatch, hooked, room, asked):
    monkeypatch.setattr("parlour.webhooks.sender.TIMEOUT_SECONDS", 0.2)
    hold = threading.Event()
    asked.answer = lambda hook: hold.wait(30) and (200, b'{"body": "late"}')
    message = hooked.post(f"{room}/Messages", Body="Hi").json()
    hold.set()

    assert message["body"] == "Hi"


def test_a_multipart_form_is_asked_about_like_another(hooked, room, asked):
    asked.answer_json({"body": "amended"})
    parts = {"Body": (None, "Hi"), "Author": (None, "alice")}
    message = hooked.request("POST", f"{room}/Messages", files=parts).json()

    assert (message["body"], message["author"]) == ("amended", "alice")
    assert asked.hooks[0].parameters["Body"] == "Hi"
