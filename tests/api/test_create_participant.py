"""POST …/Participants."""

import pytest

from parlour.resources.default_roles import CHANNEL_ADMIN, CHANNEL_USER, default_role_sid
from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.core

PHONE, OTHER_PHONE, OUR_PHONE = "+15550100001", "+15550100002", "+15550100009"
NOT_PROVIDED = "Identity not provided"
BAD_ADDRESS = "Invalid messaging binding address"
BAD_PROXY = "Invalid participant proxy address"
WRONG_TYPE = "Participant address type does not match proxy address type"


def form_of(identity=None, address=None, proxy=None, projected=None, **others):
    given = {
        "Identity": identity,
        "MessagingBinding.Address": address,
        "MessagingBinding.ProxyAddress": proxy,
        "MessagingBinding.ProjectedAddress": projected,
    }
    return {name: value for name, value in given.items() if value is not None} | others


def participants(api, room):
    return api.get(f"{room}/Participants").json()["participants"]


def test_a_participant_with_an_identity_has_all_that_a_participant_has(api, room, running):
    answer = api.post(f"{room}/Participants", Identity="alice")
    participant = answer.json()

    assert answer.status_code == 201
    assert participant == {
        "sid": participant["sid"],
        "account_sid": ACCOUNT_SID,
        "chat_service_sid": room.split("/")[1],
        "conversation_sid": room.split("/")[3],
        "identity": "alice",
        "attributes": "{}",
        "messaging_binding": None,
        "role_sid": default_role_sid(room.split("/")[1], CHANNEL_USER),
        "date_created": "2024-01-01T00:00:00Z",
        "date_updated": "2024-01-01T00:00:00Z",
        "last_read_message_index": None,
        "last_read_timestamp": None,
        "url": f"{running.url}/v1/{room}/Participants/{participant['sid']}",
    }
    assert api.get(participant["url"]).json() == participant


def test_every_parameter_comes_back_as_it_was_sent(api, room):
    sent = {
        "Identity": "alice",
        "Attributes": '{ "role": "agent" }',
        "RoleSid": default_role_sid(room.split("/")[1], CHANNEL_ADMIN),
        "DateCreated": "2015-12-16T22:18:37Z",
        "DateUpdated": "2015-12-16T22:18:38Z",
    }
    participant = api.post(f"{room}/Participants", sent).json()

    assert participant["identity"] == sent["Identity"]
    assert participant["attributes"] == sent["Attributes"]
    assert participant["role_sid"] == sent["RoleSid"]
    assert participant["date_created"] == sent["DateCreated"]
    assert participant["date_updated"] == sent["DateUpdated"]


KINDS = [
    (form_of(identity="alice"), None),
    (form_of(identity="alice", projected=OUR_PHONE), {"type": "sms", "projected_address": OUR_PHONE}),
    (form_of(projected=OUR_PHONE), {"type": "sms", "projected_address": OUR_PHONE}),
    (form_of(address=PHONE), {"type": "sms", "address": PHONE}),
    (
        form_of(address=PHONE, proxy=OUR_PHONE),
        {"type": "sms", "address": PHONE, "proxy_address": OUR_PHONE},
    ),
    (form_of(address=PHONE, proxy="12345"), {"type": "sms", "address": PHONE, "proxy_address": "12345"}),
    (
        form_of(address=f"whatsapp:{PHONE}", proxy=f"whatsapp:{OUR_PHONE}"),
        {"type": "whatsapp", "address": f"whatsapp:{PHONE}", "proxy_address": f"whatsapp:{OUR_PHONE}"},
    ),
    (
        form_of(address="messenger:123", proxy="messenger:456"),
        {"type": "messenger", "address": "messenger:123", "proxy_address": "messenger:456"},
    ),
    (
        form_of(address=f"rcs:{PHONE}", proxy="rcs:brand"),
        {"type": "rcs", "address": f"rcs:{PHONE}", "proxy_address": "rcs:brand"},
    ),
    (
        form_of(address="alice@example.com", proxy="support@example.com"),
        {"type": "email", "address": "alice@example.com", "proxy_address": "support@example.com"},
    ),
]


@pytest.mark.parametrize(("form", "binding"), KINDS)
def test_every_kind_of_participant_shows_the_addresses_it_was_given(api, room, form, binding):
    answer = api.post(f"{room}/Participants", form)

    assert answer.status_code == 201
    assert answer.json()["identity"] == form.get("Identity")
    assert answer.json()["messaging_binding"] == binding
    assert api.get(answer.json()["url"]).json() == answer.json()


REFUSALS = [
    ({}, 50204, NOT_PROVIDED),
    ({"identity": "alice"}, 50204, NOT_PROVIDED),
    ({"Attributes": "{}"}, 50204, NOT_PROVIDED),
    (form_of(identity=""), 50204, NOT_PROVIDED),
    (form_of(identity="US" + "aF" * 16), 50206, "Identity should not match user SID pattern"),
    (form_of(identity="x" * 257), 50207, "Identity too long"),
    (
        form_of(identity="alice", address=PHONE),
        50211,
        "Identity parameter not acceptable for this Participant",
    ),
    (
        form_of(identity="alice", address=PHONE, proxy=OUR_PHONE),
        50211,
        "Identity parameter not acceptable for this Participant",
    ),
    (
        form_of(identity="alice", proxy=OUR_PHONE),
        50211,
        "Identity parameter not acceptable for this Participant",
    ),
    (form_of(address="nonsense"), 50407, BAD_ADDRESS),
    (form_of(address="5550100001", proxy="nonsense"), 50407, BAD_ADDRESS),
    (form_of(address="+0155501000", proxy=OUR_PHONE), 50407, BAD_ADDRESS),
    (form_of(address="+" + "1" * 16, proxy=OUR_PHONE), 50407, BAD_ADDRESS),
    (form_of(address="+1555010000\u0661", proxy=OUR_PHONE), 50407, BAD_ADDRESS),
    (form_of(address=f"{PHONE}\n", proxy=OUR_PHONE), 50407, BAD_ADDRESS),
    (form_of(address="whatsapp:", proxy=f"whatsapp:{OUR_PHONE}"), 50407, BAD_ADDRESS),
    (form_of(address="alice@", proxy="support@example.com"), 50407, BAD_ADDRESS),
    (form_of(address="x" * 257, proxy=OUR_PHONE), 50407, BAD_ADDRESS),
    (form_of(address=PHONE, projected=OUR_PHONE), 50407, BAD_ADDRESS),
    (form_of(address=PHONE, proxy=OUR_PHONE, projected=OTHER_PHONE), 50407, BAD_ADDRESS),
    (form_of(proxy=OUR_PHONE), 50407, BAD_ADDRESS),
    (form_of(projected="nonsense"), 50407, BAD_ADDRESS),
    (form_of(identity="alice", projected="nonsense"), 50407, BAD_ADDRESS),
    (form_of(address=PHONE, proxy="nonsense"), 50408, BAD_PROXY),
    (form_of(address=PHONE, proxy="x" * 257), 50408, BAD_PROXY),
    (form_of(address=PHONE, proxy=PHONE), 50409, "Participant address equals proxy address"),
    (form_of(address=""), 50411, "Participant address is empty"),
    (form_of(address="", proxy=OUR_PHONE), 50411, "Participant address is empty"),
    (form_of(address=PHONE, proxy=""), 50412, "Participant proxy address is empty"),
    (form_of(address=PHONE, proxy=f"whatsapp:{OUR_PHONE}"), 50414, WRONG_TYPE),
    (form_of(address=f"whatsapp:{PHONE}", proxy=OUR_PHONE), 50414, WRONG_TYPE),
    (form_of(address=PHONE, proxy="support@example.com"), 50414, WRONG_TYPE),
    (form_of(identity="alice", RoleSid="RL1"), 50109, "Conversation role not found"),
    (form_of(identity="alice", Attributes='"' + "x" * 4_095 + '"'), 50303, "Attributes too long"),
    (form_of(identity="alice", Attributes="{"), 50304, "Attributes not valid JSON"),
    (form_of(identity="alice", DateCreated="nonsense"), 50308, "Invalid Date Created parameter"),
    (form_of(identity="alice", DateUpdated="nonsense"), 50309, "Invalid Date Updated parameter"),
]


@pytest.mark.parametrize(("form", "code", "message"), REFUSALS)
def test_a_participant_that_cannot_be_is_refused_and_not_stored(api, room, form, code, message):
    answer = api.post(f"{room}/Participants", form)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["message"] == message
    assert participants(api, room) == []


def test_an_identity_joins_a_conversation_once(api, room):
    alice = api.post(f"{room}/Participants", Identity="alice").json()
    answer = api.post(f"{room}/Participants", form_of(identity="alice", projected=OUR_PHONE))

    assert answer.status_code == 409
    assert answer.json() == {
        "code": 50433,
        "message": "Participant already exists",
        "more_info": "https://www.twilio.com/docs/errors/50433",
        "status": 409,
    }
    assert participants(api, room) == [alice]


def test_an_identity_joins_many_conversations_and_under_another_case_the_same(api, service, room):
    other = api.post(f"{service}/Conversations").json()
    api.post(f"{room}/Participants", Identity="alice")

    assert api.post(other["links"]["participants"], Identity="alice").status_code == 201
    assert api.post(f"{room}/Participants", Identity="Alice").status_code == 201


def test_attributes_of_exactly_4_096_bytes_are_taken(api, room):
    form = form_of(identity="alice", Attributes='"' + "ü" * 2_047 + '"')

    assert api.post(f"{room}/Participants", form).status_code == 201


@pytest.mark.parametrize("form", [form_of(identity="alice"), form_of(address=PHONE, proxy=OUR_PHONE)])
def test_who_joins_wakes_an_inactive_conversation(api, service, clock, form):
    timers = {"State": "inactive", "Timers.Inactive": "PT1H", "Timers.Closed": "PT2H"}
    conversation = api.post(f"{service}/Conversations", timers).json()
    clock.advance(minutes=30)
    api.post(conversation["links"]["participants"], form)

    woken = api.get(conversation["url"]).json()
    assert woken["state"] == "active"
    assert woken["timers"] == {"date_inactive": "2024-01-01T01:30:00Z", "date_closed": "2024-01-01T02:30:00Z"}


def test_who_is_refused_does_not_wake_a_conversation(api, room):
    api.post(f"{room}/Participants", Identity="alice")
    api.post(room, State="inactive")
    api.post(f"{room}/Participants", Identity="alice")

    assert api.get(room).json()["state"] == "inactive"


def test_a_closed_conversation_takes_no_participant(api, room):
    api.post(room, State="closed")
    answer = api.post(f"{room}/Participants", Identity="alice")

    assert (answer.status_code, answer.json()["code"]) == (400, 50377)
    assert answer.json()["message"] == "Can't update conversation as it's in final closed state"
    assert participants(api, room) == []


def test_a_conversation_takes_50_participants_without_an_identity(api, room):
    def join(number):
        return api.post(f"{room}/Participants", form_of(address=f"+1555020{number:04}", proxy=OUR_PHONE))

    assert {join(number).status_code for number in range(50)} == {201}
    refused = join(50)
    assert (refused.status_code, refused.json()["code"]) == (400, 50422)
    assert refused.json()["message"] == "Non-chat conversation participants limit exceeded"
    assert len(participants(api, room)) == 50
    assert api.post(f"{room}/Participants", Identity="alice").status_code == 201

    api.delete(participants(api, room)[0]["url"])
    assert join(50).status_code == 201


@pytest.mark.both_engines
def test_a_conversation_takes_1_000_participants(api, room):
    def join(number):
        return api.post(f"{room}/Participants", Identity=str(number))

    assert {join(number).status_code for number in range(1_000)} == {201}
    refused = join(1_000)
    assert (refused.status_code, refused.json()["code"]) == (400, 50417)
    assert refused.json()["message"] == "Participants limit exceeded"

    api.delete(f"{room}/Participants/0")
    assert join(1_000).status_code == 201


def test_a_parameter_that_only_updates_take_is_ignored(api, room):
    form = form_of(identity="alice", LastReadMessageIndex="nonsense", LastReadTimestamp="nonsense")
    answer = api.post(f"{room}/Participants", form)

    assert answer.status_code == 201
    assert answer.json()["last_read_message_index"] is None
