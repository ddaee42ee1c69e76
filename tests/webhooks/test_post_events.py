"""What is told after a change: each event with its parameters, in order, signed (contract: the tables)."""

import json
import re

import pytest

from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.both_engines

NOW = "2024-01-01T00:00:00.000Z"
PHONE, PROXY = "+15550100001", "+15550100002"


def common(event):
    return {"AccountSid": ACCOUNT_SID, "EventType": event, "Source": "API", "RetryCount": "0"}


@pytest.fixture
def told(receiver, dispatch, listen):
    """The parameters of the events that came, in order."""
    listen()
    dispatch()

    def told(count):
        hooks = receiver.wait_for(count)
        assert all(hook.is_signed and hook.method == "POST" for hook in hooks)
        return [hook.parameters for hook in hooks]

    return told


def conversation_of(made, service):
    return {
        "ConversationSid": made["sid"],
        "ChatServiceSid": service.split("/")[1],
        "DateCreated": NOW,
        "DateUpdated": NOW,
        "Attributes": "{}",
        "State": "active",
    }


def test_a_conversations_life(hooked, service, told, clock):
    form = {"FriendlyName": "Room", "UniqueName": "room", "MessagingServiceSid": "MG" + "a" * 32}
    made = hooked.post(f"{service}/Conversations", form).json()
    clock.advance(milliseconds=1_500)
    hooked.post(made["url"], Attributes="[1]")
    hooked.post(made["url"], State="closed")
    hooked.delete(made["url"])

    shown = conversation_of(made, service) | {
        "FriendlyName": "Room",
        "UniqueName": "room",
        "MessagingServiceSid": "MG" + "a" * 32,
    }
    later = "2024-01-01T00:00:01.500Z"
    updated = shown | {"Attributes": "[1]", "DateUpdated": later}
    closed = updated | {"State": "closed"}
    assert told(5) == [
        common("onConversationAdded") | shown,
        common("onConversationUpdated") | updated,
        common("onConversationUpdated") | closed,
        common("onConversationStateUpdated")
        | {
            "ConversationSid": made["sid"],
            "ChatServiceSid": shown["ChatServiceSid"],
            "MessagingServiceSid": shown["MessagingServiceSid"],
            "StateUpdated": later,
            "StateFrom": "active",
            "StateTo": "closed",
            "Reason": "API",
        },
        common("onConversationRemoved") | closed | {"DateRemoved": later},
    ]


def test_a_messages_life(hooked, room, told, clock):
    participant = hooked.post(f"{room}/Participants", Identity="alice").json()
    form = {"Author": "alice", "Body": "Hi ü 😀 & co", "Attributes": '{ "a": 1 }'}
    message = hooked.post(f"{room}/Messages", form).json()
    clock.advance(seconds=1)
    hooked.post(message["url"], Body="edited")
    hooked.delete(message["url"])

    added = {
        "ConversationSid": message["conversation_sid"],
        "ChatServiceSid": message["chat_service_sid"],
        "MessageSid": message["sid"],
        "ParticipantSid": participant["sid"],
        "Index": "0",
        "DateCreated": NOW,
        "Author": "alice",
        "Body": form["Body"],
        "Attributes": form["Attributes"],
    }
    edited = added | {"Body": "edited", "DateUpdated": "2024-01-01T00:00:01.000Z"}
    assert told(4)[1:] == [
        common("onMessageAdded") | added,
        common("onMessageUpdated") | edited,
        common("onMessageRemoved") | edited | {"DateRemoved": "2024-01-01T00:00:01.000Z"},
    ]


def test_what_a_message_has_not_is_not_told(hooked, room, told):
    hooked.post(f"{room}/Messages")
    [parameters] = told(1)

    assert {"Body", "ParticipantSid", "Media", "DateUpdated", "ClientIdentity"}.isdisjoint(parameters)
    assert parameters["Author"] == "system"


def test_media_are_told_as_json_with_the_names_of_the_contract(hooked, service, room, told):
    headers = {"Content-Type": "image/png"}
    path = f"{service}/Media?Filename=dot.png"
    uploaded = hooked.request("POST", path, data=b"not much of a dot", headers=headers).json()
    hooked.post(f"{room}/Messages", MediaSid=uploaded["sid"])
    [parameters] = told(1)

    assert json.loads(parameters["Media"]) == [
        {
            "Category": "media",
            "Filename": "dot.png",
            "Size": 17,
            "ContentType": "image/png",
            "Sid": uploaded["sid"],
        }
    ]


def test_a_participants_life(hooked, room, told):
    form = {"MessagingBinding.Address": PHONE, "MessagingBinding.ProxyAddress": PROXY}
    sms = hooked.post(f"{room}/Participants", form).json()
    hooked.post(sms["url"], LastReadMessageIndex="0")
    hooked.delete(sms["url"])
    chat = hooked.post(f"{room}/Participants", Identity="alice").json()

    shown = {
        "ConversationSid": sms["conversation_sid"],
        "ChatServiceSid": sms["chat_service_sid"],
        "ParticipantSid": sms["sid"],
        "DateCreated": NOW,
        "Attributes": "{}",
        "RoleSid": sms["role_sid"],
        "MessagingBinding.Type": "sms",
        **form,
    }
    updated = shown | {"DateUpdated": NOW}
    added, read, removed, joined = told(4)
    assert added == common("onParticipantAdded") | shown
    assert read == common("onParticipantUpdated") | updated | {"LastReadMessageIndex": "0"}
    assert removed == common("onParticipantRemoved") | updated | {"DateRemoved": NOW}
    assert (joined["Identity"], joined["MessagingBinding.Type"]) == ("alice", "chat")
    assert joined["ParticipantSid"] == chat["sid"]


def test_a_conversation_that_is_woken_tells_so_whoever_woke_it(api, service, told):
    conversation = api.post(f"{service}/Conversations", State="inactive").json()
    api.post(f"{service}/Conversations/{conversation['sid']}/Messages")
    [woken] = told(1)

    assert woken["EventType"] == "onConversationStateUpdated"
    assert (woken["StateFrom"], woken["StateTo"], woken["Reason"]) == ("inactive", "active", "EVENT")
    assert "Source" not in woken


def test_a_request_that_does_not_ask_for_webhooks_tells_nobody(api, room, told):
    api.post(f"{room}/Messages", Body="in silence")
    for value in ("false", "1", ""):
        options = {"data": {"Body": value}, "headers": {"X-Twilio-Webhook-Enabled": value}}
        api.request("POST", f"{room}/Messages", **options)
    loud = {"data": {"Body": "loud"}, "headers": {"X-Twilio-Webhook-Enabled": "TrUe"}}
    api.request("POST", f"{room}/Messages", **loud)

    assert [parameters["Body"] for parameters in told(1)] == ["loud"]


def test_a_refused_change_tells_nobody(hooked, room, told):
    hooked.post(f"{room}/Messages", Body="x" * 1_601)
    hooked.post(f"{room}/Messages", Body="fine")

    assert [parameters["Body"] for parameters in told(1)] == ["fine"]


def test_each_delivery_has_a_token_of_its_own(hooked, room, told, receiver):
    for _ in range(3):
        hooked.post(f"{room}/Messages")
    told(3)
    tokens = [hook.token for hook in receiver.hooks]

    assert len(set(tokens)) == 3
    assert all(re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", token) for token in tokens)
