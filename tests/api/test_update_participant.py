"""POST …/Participants/{Sid}."""

import pytest

from parlour.resources.default_roles import CHANNEL_ADMIN, default_role_sid

pytestmark = pytest.mark.both_engines

PHONE, OUR_PHONE, OTHER_OUR_PHONE = "+15550100001", "+15550100008", "+15550100009"
FORMS = {
    "chat": {"Identity": "alice"},
    "projected chat": {"Identity": "alice", "MessagingBinding.ProjectedAddress": OUR_PHONE},
    "projected": {"MessagingBinding.ProjectedAddress": OUR_PHONE},
    "sms": {"MessagingBinding.Address": PHONE, "MessagingBinding.ProxyAddress": OUR_PHONE},
    "group": {"MessagingBinding.Address": PHONE},
    "whatsapp": {
        "MessagingBinding.Address": f"whatsapp:{PHONE}",
        "MessagingBinding.ProxyAddress": f"whatsapp:{OUR_PHONE}",
    },
}
PROXY, PROJECTED = "MessagingBinding.ProxyAddress", "MessagingBinding.ProjectedAddress"


@pytest.fixture
def join(api, room, clock):
    """Adds a participant of one of the kinds; then a minute passes."""

    def join(kind):
        participant = api.post(f"{room}/Participants", FORMS[kind]).json()
        clock.advance(minutes=1)
        return participant

    return join


@pytest.mark.parametrize(
    ("form", "changes"),
    [
        ({"Attributes": ' {"a": 1}'}, {"attributes": ' {"a": 1}'}),
        ({"Attributes": ""}, {"attributes": "{}"}),
        ({"DateCreated": "2015-12-16T22:18:37Z"}, {"date_created": "2015-12-16T22:18:37Z"}),
        ({"DateUpdated": "2015-12-16T22:18:38Z"}, {"date_updated": "2015-12-16T22:18:38Z"}),
    ],
)
def test_an_update_changes_what_it_names_and_the_date(api, join, form, changes):
    alice = join("chat")
    answer = api.post(alice["url"], form)

    assert answer.status_code == 200
    assert answer.json() == alice | {"date_updated": "2024-01-01T00:01:00Z"} | changes
    assert api.get(alice["url"]).json() == answer.json()


def test_a_participant_gets_another_role(api, room, join):
    alice, admin = join("chat"), default_role_sid(room.split("/")[1], CHANNEL_ADMIN)
    answer = api.post(alice["url"], RoleSid=admin)

    assert answer.status_code == 200
    assert answer.json()["role_sid"] == admin != alice["role_sid"]


def test_a_participant_is_updated_by_identity(api, room, join):
    alice = join("chat")
    answer = api.post(f"{room}/Participants/alice", Attributes="[1]")

    assert answer.status_code == 200
    assert answer.json()["sid"] == alice["sid"]
    assert answer.json()["attributes"] == "[1]"


def test_an_update_without_parameters_changes_nothing(api, join):
    alice = join("chat")
    for form in ({}, {"Nonsense": "1"}, {"MessagingBinding.Address": PHONE}):
        answer = api.post(alice["url"], form)
        assert answer.status_code == 200
        assert answer.json() == alice


def test_an_update_changes_neither_the_conversations_state_nor_its_date(api, room, join):
    alice = join("chat")
    api.post(room, State="inactive", DateUpdated="2015-12-16T22:18:38Z")
    api.post(alice["url"], LastReadMessageIndex="0")

    conversation = api.get(room).json()
    assert conversation["state"] == "inactive"
    assert conversation["date_updated"] == "2015-12-16T22:18:38Z"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Attributes": '"' + "x" * 4_095 + '"'}, 50303),
        ({"Attributes": "{"}, 50304),
        ({"RoleSid": "RL1"}, 50109),
        ({"DateCreated": "nonsense"}, 50308),
        ({"DateUpdated": "nonsense"}, 50309),
        ({"Identity": ""}, 50204),
        ({"Identity": "x" * 257}, 50207),
        ({"LastReadMessageIndex": "-1"}, 50421),
        ({"LastReadMessageIndex": "1.5"}, 50421),
        ({"LastReadMessageIndex": "first"}, 50421),
        ({"LastReadMessageIndex": " 1"}, 50421),
        ({"LastReadMessageIndex": "9" * 40}, 50421),
        ({"LastReadTimestamp": "yesterday"}, 50405),
        ({"LastReadTimestamp": "2024-02-30T00:00:00Z"}, 50405),
    ],
)
def test_a_bad_parameter_is_refused_and_nothing_is_changed(api, join, form, code):
    alice = join("chat")
    answer = api.post(alice["url"], {"DateCreated": "2015-12-16T22:18:37Z", **form})

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert api.get(alice["url"]).json() == alice


NO_PROXY_TO_REMOVE = "Failed to remove the proxy address of a participant."
NO_PROXY_TO_ADD = "Failed to add a proxy address to a participant."
NONE_TO_REMOVE = "Failed to remove the projected address of a participant."
NONE_TO_ADD = "Failed to add a projected address to a participant."
NO_IDENTITY = "Failed to add an identity to a participant."
BAD_ADDRESS = "Invalid messaging binding address"
WRONG_TYPE = "Participant address type does not match proxy address type"
ILLEGAL = [
    *(
        (kind, {PROXY: "null"}, 50440, NO_PROXY_TO_REMOVE)
        for kind in ("chat", "projected", "group", "whatsapp")
    ),
    *(
        (kind, {PROXY: OUR_PHONE}, 50441, NO_PROXY_TO_ADD)
        for kind in ("sms", "chat", "projected", "whatsapp")
    ),
    ("sms", {PROXY: OTHER_OUR_PHONE}, 50441, NO_PROXY_TO_ADD),
    ("projected chat", {PROXY: OTHER_OUR_PHONE}, 50441, NO_PROXY_TO_ADD),
    ("sms", {PROXY: ""}, 50412, "Participant proxy address is empty"),
    ("group", {PROXY: "x" * 257}, 50408, "Invalid participant proxy address"),
    ("group", {PROXY: "nonsense"}, 50408, "Invalid participant proxy address"),
    ("group", {PROXY: PHONE}, 50409, "Participant address equals proxy address"),
    ("group", {PROXY: f"whatsapp:{OUR_PHONE}"}, 50414, WRONG_TYPE),
    *((kind, {PROJECTED: "null"}, 50442, NONE_TO_REMOVE) for kind in ("chat", "sms", "group", "projected")),
    *(
        (kind, {PROJECTED: OUR_PHONE}, 50443, NONE_TO_ADD)
        for kind in ("sms", "group", "projected", "whatsapp")
    ),
    ("projected chat", {PROJECTED: OTHER_OUR_PHONE}, 50443, NONE_TO_ADD),
    *((kind, {"Identity": "bob"}, 50444, NO_IDENTITY) for kind in ("sms", "group", "chat", "projected chat")),
    *((kind, {"Identity": "alice"}, 50444, NO_IDENTITY) for kind in ("chat", "projected chat")),
    ("projected", {"Identity": "US" + "0" * 32}, 50206, "Identity should not match user SID pattern"),
    ("chat", {PROJECTED: "nonsense"}, 50407, BAD_ADDRESS),
    ("projected", {PROJECTED: "nonsense"}, 50407, BAD_ADDRESS),
]


@pytest.mark.parametrize(("kind", "form", "code", "message"), ILLEGAL)
def test_how_a_participant_is_reached_can_hardly_be_changed(api, join, kind, form, code, message):
    participant = join(kind)
    answer = api.post(participant["url"], {"Attributes": "[1]", **form})

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["message"] == message
    assert api.get(participant["url"]).json() == participant


def test_somebody_with_a_projected_address_gets_an_identity(api, room, join):
    answer = api.post(join("projected")["url"], Identity="alice")

    assert answer.status_code == 200
    assert answer.json()["identity"] == "alice"
    assert answer.json()["messaging_binding"] == {"type": "sms", "projected_address": OUR_PHONE}
    assert api.get(f"{room}/Participants/alice").json() == answer.json()


def test_an_identity_that_has_joined_is_not_given_to_another(api, room, join):
    join("chat")
    projected = join("projected")
    answer = api.post(projected["url"], Identity="alice")

    assert (answer.status_code, answer.json()["code"]) == (409, 50433)
    assert api.get(projected["url"]).json() == projected


def test_somebody_with_an_identity_gets_a_projected_address(api, room, join):
    alice = join("chat")
    answer = api.post(alice["url"], {PROJECTED: OUR_PHONE})

    assert answer.status_code == 200
    assert answer.json()["messaging_binding"] == {"type": "sms", "projected_address": OUR_PHONE}
    message = api.post(f"{room}/Messages", Author=OUR_PHONE).json()
    assert message["participant_sid"] == alice["sid"]


def test_an_identity_and_the_loss_of_a_projected_address_may_come_together(api, room, join):
    answer = api.post(join("projected")["url"], {PROJECTED: "null", "Identity": "alice"})

    assert answer.status_code == 200
    assert (answer.json()["identity"], answer.json()["messaging_binding"]) == ("alice", None)


@pytest.mark.parametrize("nothing", ["null", ""])
def test_somebody_with_an_identity_loses_the_projected_address(api, room, join, nothing):
    alice = join("projected chat")
    answer = api.post(alice["url"], {PROJECTED: nothing})

    assert answer.status_code == 200
    assert answer.json()["messaging_binding"] is None
    assert api.get(alice["url"]).json() == answer.json()
    assert api.post(f"{room}/Messages", Author=OUR_PHONE).json()["participant_sid"] is None


def test_nobody_has_read_anything_until_told_so(api, room, join):
    alice = join("chat")
    api.post(f"{room}/Messages", Author="alice")

    read = api.get(alice["url"]).json()
    assert (read["last_read_message_index"], read["last_read_timestamp"]) == (None, None)


@pytest.mark.parametrize(
    ("form", "index", "timestamp"),
    [
        ({"LastReadMessageIndex": "0"}, 0, "2024-01-01T00:01:00Z"),
        ({"LastReadMessageIndex": "999"}, 999, "2024-01-01T00:01:00Z"),
        (
            {"LastReadMessageIndex": "7", "LastReadTimestamp": "2015-12-16T22:18:37.5+01:00"},
            7,
            "2015-12-16T21:18:37Z",
        ),
        ({"LastReadTimestamp": "2015-12-16T22:18:37Z"}, None, "2015-12-16T22:18:37Z"),
    ],
)
def test_the_read_horizon_is_dated_now_or_as_it_is_told(api, join, form, index, timestamp):
    read = api.post(join("chat")["url"], form).json()

    assert read["last_read_message_index"] == index
    assert read["last_read_timestamp"] == timestamp
    assert api.get(read["url"]).json() == read


@pytest.mark.parametrize("nothing", ["", "null"])
def test_the_read_horizon_is_cleared_with_its_date(api, join, nothing):
    alice = join("chat")
    api.post(alice["url"], LastReadMessageIndex="3")
    cleared = api.post(alice["url"], LastReadMessageIndex=nothing)

    assert cleared.status_code == 200
    assert cleared.json()["last_read_message_index"] is None
    assert cleared.json()["last_read_timestamp"] is None


def test_the_read_horizon_stays_when_something_else_changes(api, join, clock):
    alice = join("chat")
    read = api.post(alice["url"], LastReadMessageIndex="3").json()
    clock.advance(minutes=1)
    changed = api.post(alice["url"], Attributes="[1]").json()

    assert changed["last_read_message_index"] == 3
    assert changed["last_read_timestamp"] == read["last_read_timestamp"]
