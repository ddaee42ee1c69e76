"""POST …/Conversations."""

import pytest

from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.core

SID_PATTERN_NAMES = ["CH" + "0" * 32, "CH" + "aF" * 16]


def conversations(api, service):
    return api.get(f"{service}/Conversations").json()["conversations"]


def timers_of(answer):
    assert answer.status_code == 201
    return answer.json()["timers"]


def test_a_conversation_without_parameters_is_active_and_empty(api, service, running):
    answer = api.post(f"{service}/Conversations")
    conversation = answer.json()

    assert answer.status_code == 201
    url = f"{running.url}/v1/{service}/Conversations/{conversation['sid']}"
    assert conversation == {
        "sid": conversation["sid"],
        "account_sid": ACCOUNT_SID,
        "chat_service_sid": service.split("/")[1],
        "messaging_service_sid": None,
        "friendly_name": None,
        "unique_name": None,
        "attributes": "{}",
        "state": "active",
        "date_created": "2024-01-01T00:00:00Z",
        "date_updated": "2024-01-01T00:00:00Z",
        "timers": {},
        "bindings": {},
        "url": url,
        "links": {
            "participants": f"{url}/Participants",
            "messages": f"{url}/Messages",
            "webhooks": f"{url}/Webhooks",
        },
    }


def test_in_the_default_service_the_urls_are_the_short_ones(api, running):
    conversation = api.post("Conversations").json()

    assert conversation["chat_service_sid"].startswith("IS")
    assert conversation["url"] == f"{running.url}/v1/Conversations/{conversation['sid']}"
    assert conversation["links"] == {
        "participants": f"{conversation['url']}/Participants",
        "messages": f"{conversation['url']}/Messages",
        "webhooks": f"{conversation['url']}/Webhooks",
    }


def test_every_parameter_comes_back_as_it_was_sent(api, service):
    sent = {
        "FriendlyName": "Lobby",
        "UniqueName": "lobby",
        "Attributes": '{ "topic": "feedback" }',
        "MessagingServiceSid": "MG" + "aF" * 16,
        "State": "inactive",
        "DateCreated": "2015-12-16T22:18:37Z",
        "DateUpdated": "2015-12-16T22:18:38Z",
        "Bindings.Email.Address": "support@example.com",
        "Bindings.Email.Name": "Support",
    }
    conversation = api.post(f"{service}/Conversations", sent).json()

    assert conversation["friendly_name"] == sent["FriendlyName"]
    assert conversation["unique_name"] == sent["UniqueName"]
    assert conversation["attributes"] == sent["Attributes"]
    assert conversation["messaging_service_sid"] == sent["MessagingServiceSid"]
    assert conversation["state"] == sent["State"]
    assert conversation["date_created"] == sent["DateCreated"]
    assert conversation["date_updated"] == sent["DateUpdated"]
    assert conversation["bindings"] == {
        "email": {"projected_address": "support@example.com", "name": "Support"}
    }
    assert api.get(conversation["url"]).json() == conversation


@pytest.mark.parametrize("name", ["", " ", "x" * 256, "😀" * 256, "&=+%20;", "Grüße"])
def test_a_friendly_name_is_kept_to_the_letter_and_need_not_be_unique(api, service, name):
    created = [api.post(f"{service}/Conversations", FriendlyName=name).json() for _ in range(2)]

    assert [conversation["friendly_name"] for conversation in created] == [name, name]


@pytest.mark.parametrize("attributes", ['"text"', "[1,2]", "null", "true", " {}  ", '{"ü": "\\ud83d"}'])
def test_attributes_may_be_any_json_and_keep_their_spaces(api, service, attributes):
    created = api.post(f"{service}/Conversations", Attributes=attributes).json()

    assert created["attributes"] == attributes


def test_attributes_of_exactly_16_384_bytes_are_taken(api, service):
    attributes = '"' + "ü" * 8_191 + '"'
    created = api.post(f"{service}/Conversations", Attributes=attributes)

    assert created.status_code == 201
    assert created.json()["attributes"] == attributes


def test_empty_attributes_are_unset(api, service):
    assert api.post(f"{service}/Conversations", Attributes="").json()["attributes"] == "{}"


@pytest.mark.parametrize(
    ("sent", "shown"), [("active", "active"), ("inactive", "inactive"), ("InActive", "inactive")]
)
def test_a_state_is_taken_in_any_case(api, service, sent, shown):
    assert api.post(f"{service}/Conversations", State=sent).json()["state"] == shown


def test_an_empty_unique_name_is_none(api, service):
    created = [api.post(f"{service}/Conversations", UniqueName="") for _ in range(2)]

    assert [answer.status_code for answer in created] == [201, 201]
    assert [answer.json()["unique_name"] for answer in created] == [None, None]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"Timers.Inactive": "PT1M"}, {"date_inactive": "2024-01-01T00:01:00Z"}),
        ({"Timers.Inactive": "PT60S"}, {"date_inactive": "2024-01-01T00:01:00Z"}),
        ({"Timers.Inactive": "PT1H2M3.999S"}, {"date_inactive": "2024-01-01T01:02:03Z"}),
        ({"Timers.Closed": "PT10M"}, {"date_closed": "2024-01-01T00:10:00Z"}),
        ({"Timers.Closed": "P1W"}, {"date_closed": "2024-01-08T00:00:00Z"}),
        ({"Timers.Closed": "P2DT12H"}, {"date_closed": "2024-01-03T12:00:00Z"}),
        (
            {"Timers.Inactive": "PT1H", "Timers.Closed": "PT30M"},
            {"date_inactive": "2024-01-01T01:00:00Z", "date_closed": "2024-01-01T00:30:00Z"},
        ),
        ({"Timers.Inactive": "PT0S", "Timers.Closed": "PT0S"}, {}),
        ({"Timers.Inactive": "", "Timers.Closed": ""}, {}),
        ({"State": "inactive", "Timers.Inactive": "PT1H"}, {}),
    ],
)
def test_timers_run_out_their_time_after_the_creation(api, service, sent, shown):
    assert timers_of(api.post(f"{service}/Conversations", sent)) == shown


def test_a_binding_may_have_an_address_alone(api, service):
    form = {"Bindings.Email.Address": "support@example.com"}

    bindings = api.post(f"{service}/Conversations", form).json()["bindings"]
    assert bindings == {"email": {"projected_address": "support@example.com", "name": None}}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2015-12-16T22:18:37+01:00", "2015-12-16T21:18:37Z"),
        ("2015-12-16T22:18:37.999Z", "2015-12-16T22:18:37Z"),
        ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ],
)
def test_dates_are_shown_in_whole_seconds_of_utc(api, service, sent, shown):
    conversation = api.post(f"{service}/Conversations", DateCreated=sent, DateUpdated=sent).json()

    assert conversation["date_created"] == shown
    assert conversation["date_updated"] == shown


REFUSALS = [
    ({"FriendlyName": "x" * 257}, 50003, "Friendly name too long"),
    ({"UniqueName": "x" * 257}, 50004, "Unique Name too long"),
    *(
        ({"UniqueName": name}, 50390, "Unique name should not match conversation sid pattern")
        for name in SID_PATTERN_NAMES
    ),
    ({"Attributes": '"' + "x" * 16_383 + '"'}, 50303, "Attributes too long"),
    ({"Attributes": '"' + "ü" * 8_192 + '"'}, 50303, "Attributes too long"),
    ({"Attributes": "{"}, 50304, "Attributes not valid JSON"),
    ({"Attributes": "{} {}"}, 50304, "Attributes not valid JSON"),
    ({"Attributes": "NaN"}, 50304, "Attributes not valid JSON"),
    ({"DateCreated": "yesterday"}, 50308, "Invalid Date Created parameter"),
    ({"DateCreated": ""}, 50308, "Invalid Date Created parameter"),
    ({"DateCreated": "2024-02-30T00:00:00Z"}, 50308, "Invalid Date Created parameter"),
    ({"DateCreated": "9999-12-31T23:59:59-01:00"}, 50308, "Invalid Date Created parameter"),
    ({"DateUpdated": "0001-01-01T00:00:00+01:00"}, 50309, "Invalid Date Updated parameter"),
    ({"DateUpdated": "1703980800"}, 50309, "Invalid Date Updated parameter"),
    ({"MessagingServiceSid": "MG1"}, 50341, "Invalid messaging service SID"),
    ({"MessagingServiceSid": "IS" + "0" * 32}, 50341, "Invalid messaging service SID"),
    ({"State": ""}, 50374, "'State' field can't be empty"),
    ({"State": "initializing"}, 50378, "'State' parameter value is invalid"),
    ({"State": "open"}, 50378, "'State' parameter value is invalid"),
    ({"State": "closed"}, 50384, "Initial state can't be 'closed"),
    ({"State": "CLOSED"}, 50384, "Initial state can't be 'closed"),
    ({"Timers.Inactive": "PT59S"}, 50375, "TimeToInactive should be greater or equal to 1 minute"),
    ({"Timers.Inactive": "PT0.5S"}, 50375, "TimeToInactive should be greater or equal to 1 minute"),
    ({"Timers.Closed": "PT9M59.999S"}, 50376, "TimeToClosed should be greater or equal to 10 minutes"),
    ({"Timers.Inactive": "1 hour"}, 50379, "TimeToInactive format is invalid"),
    ({"Timers.Inactive": "60"}, 50379, "TimeToInactive format is invalid"),
    ({"Timers.Inactive": "-PT1H"}, 50379, "TimeToInactive format is invalid"),
    (
        {"Timers.Inactive": "P999999DT9999999H999999999M99999999999S"},
        50379,
        "TimeToInactive format is invalid",
    ),
    ({"Timers.Closed": "P"}, 50380, "TimeToClosed format is invalid"),
    ({"Timers.Closed": "PT"}, 50380, "TimeToClosed format is invalid"),
    ({"Timers.Closed": "P1DT"}, 50380, "TimeToClosed format is invalid"),
    ({"Timers.Closed": "PT1M1H"}, 50380, "TimeToClosed format is invalid"),
    ({"Timers.Closed": "P999999DT9999999H999999999M99999999999S"}, 50380, "TimeToClosed format is invalid"),
]


@pytest.mark.parametrize(("form", "code", "message"), REFUSALS)
def test_a_bad_parameter_is_refused_and_nothing_is_stored(api, service, form, code, message):
    answer = api.post(f"{service}/Conversations", form)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["message"] == message
    assert conversations(api, service) == []


def test_a_unique_name_that_is_taken_is_refused(api, service):
    first = api.post(f"{service}/Conversations", UniqueName="lobby").json()
    answer = api.post(f"{service}/Conversations", UniqueName="lobby")

    assert answer.status_code == 409
    assert answer.json() == {
        "code": 50353,
        "message": "Conversation with provided unique name already exists",
        "more_info": "https://www.twilio.com/docs/errors/50353",
        "status": 409,
    }
    assert conversations(api, service) == [first]


def test_a_closed_conversation_keeps_its_unique_name_until_it_is_deleted(api, service):
    first = api.post(f"{service}/Conversations", UniqueName="lobby").json()
    api.post(first["url"], State="closed")

    assert api.post(f"{service}/Conversations", UniqueName="lobby").json()["code"] == 50353
    api.delete(first["url"])
    assert api.post(f"{service}/Conversations", UniqueName="lobby").status_code == 201


def test_the_header_that_asks_for_webhooks_is_taken(api, service):
    answer = api.request("POST", f"{service}/Conversations", headers={"X-Twilio-Webhook-Enabled": "True"})

    assert answer.status_code == 201


def test_unknown_parameters_and_wrong_case_are_ignored(api, service):
    form = {"friendlyName": "no", "Sid": "CH" + "0" * 32, "Nonsense": "1", "FriendlyName": "yes"}
    conversation = api.post(f"{service}/Conversations", form).json()

    assert conversation["friendly_name"] == "yes"
    assert conversation["sid"] != form["Sid"]
