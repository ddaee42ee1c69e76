"""POST …/Messages."""

import pytest

from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.core


def test_a_message_without_parameters_is_from_the_system_and_says_nothing(api, room, running):
    answer = api.post(f"{room}/Messages")
    message = answer.json()

    assert answer.status_code == 201
    url = f"{running.url}/v1/{room}/Messages/{message['sid']}"
    assert message == {
        "sid": message["sid"],
        "account_sid": ACCOUNT_SID,
        "chat_service_sid": room.split("/")[1],
        "conversation_sid": room.split("/")[3],
        "index": 0,
        "author": "system",
        "participant_sid": None,
        "body": None,
        "media": None,
        "attributes": "{}",
        "content_sid": None,
        "delivery": None,
        "date_created": "2024-01-01T00:00:00Z",
        "date_updated": None,
        "url": url,
        "links": {"delivery_receipts": f"{url}/Receipts", "channel_metadata": f"{url}/ChannelMetadata"},
    }


def test_every_parameter_comes_back_as_it_was_sent(api, room):
    sent = {
        "Author": "message author",
        "Body": "Hello",
        "Attributes": '{ "importance": "high" }',
        "DateCreated": "2015-12-16T22:18:37Z",
        "DateUpdated": "2015-12-16T22:18:38Z",
    }
    message = api.post(f"{room}/Messages", **sent).json()

    assert message["author"] == sent["Author"]
    assert message["body"] == sent["Body"]
    assert message["attributes"] == sent["Attributes"]
    assert message["date_created"] == sent["DateCreated"]
    assert message["date_updated"] == sent["DateUpdated"]
    assert api.get(message["url"]).json() == message


def test_a_subject_is_taken_and_never_shown(api, room):
    answer = api.post(f"{room}/Messages", Subject="s" * 256)

    assert answer.status_code == 201
    assert "subject" not in answer.json()


@pytest.mark.parametrize(
    "body", ["", " ", "a\nb", "ü👩‍👩‍👧‍👦", "&=+%20;", "\ufffd", "x" * 1_600, "😀" * 1_600]
)
def test_a_body_is_kept_to_the_letter(api, room, body):
    assert api.post(f"{room}/Messages", Body=body).json()["body"] == body


@pytest.mark.parametrize("attributes", ['"text"', "[1,2]", "null", "1e400", '{"a": "\\ud800"}', " {}  "])
def test_attributes_may_be_any_json_and_keep_their_spaces(api, room, attributes):
    assert api.post(f"{room}/Messages", Attributes=attributes).json()["attributes"] == attributes


def test_attributes_of_exactly_4_096_bytes_are_taken(api, room):
    assert api.post(f"{room}/Messages", Attributes='"' + "ü" * 2_047 + '"').status_code == 201


def test_an_index_counts_up_and_is_never_given_twice(api, room):
    first, second = (api.post(f"{room}/Messages", Body=str(n)).json() for n in range(2))
    api.delete(second["url"])
    third = api.post(f"{room}/Messages").json()

    assert [first["index"], second["index"], third["index"]] == [0, 1, 2]


def test_a_back_dated_message_gets_the_next_index_all_the_same(api, room):
    api.post(f"{room}/Messages")

    assert api.post(f"{room}/Messages", DateCreated="2001-01-01T00:00:00Z").json()["index"] == 1


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2015-12-16T22:18:37Z", "2015-12-16T22:18:37Z"),
        ("2015-12-16T22:18:37", "2015-12-16T22:18:37Z"),
        ("2015-12-16T22:18:37.999999999Z", "2015-12-16T22:18:37Z"),
        ("2015-12-16T22:18:37+01:00", "2015-12-16T21:18:37Z"),
        ("1931-01-01T00:00:00.5Z", "1931-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_dates_are_taken_as_the_clients_of_all_languages_send_them(api, room, sent, shown):
    assert api.post(f"{room}/Messages", DateCreated=sent).json()["date_created"] == shown


def test_an_author_is_found_among_the_participants(api, room):
    chat = api.post(f"{room}/Participants", Identity="alice").json()
    binding = {"MessagingBinding.Address": "+15550100001", "MessagingBinding.ProxyAddress": "+15550100002"}
    sms = api.post(f"{room}/Participants", binding).json()
    projected = api.post(
        f"{room}/Participants", {"Identity": "bob", "MessagingBinding.ProjectedAddress": "+15550100003"}
    ).json()

    def participant_of(author):
        return api.post(f"{room}/Messages", Author=author).json()["participant_sid"]

    assert participant_of("alice") == chat["sid"]
    assert participant_of("+15550100001") == sms["sid"]
    assert participant_of("+15550100003") == participant_of("bob") == projected["sid"]
    assert participant_of("Alice") is None
    assert participant_of("somebody") is None


def test_a_message_wakes_an_inactive_conversation_and_restarts_its_timers(api, service, clock):
    form = {"State": "inactive", "Timers.Inactive": "PT1H", "Timers.Closed": "PT2H"}
    conversation = api.post(f"{service}/Conversations", form).json()
    clock.advance(minutes=30)
    api.post(f"{service}/Conversations/{conversation['sid']}/Messages")

    woken = api.get(conversation["url"]).json()
    assert woken["state"] == "active"
    assert woken["timers"] == {"date_inactive": "2024-01-01T01:30:00Z", "date_closed": "2024-01-01T02:30:00Z"}
    assert woken["date_updated"] == conversation["date_updated"]


def test_unknown_parameters_and_wrong_case_are_ignored(api, room):
    message = api.post(f"{room}/Messages", body="no", Nonsense="1", ParticipantSid="MB1", Body="yes").json()

    assert message["body"] == "yes"


def test_of_a_repeated_parameter_the_last_one_counts(api, room):
    assert api.post(f"{room}/Messages", [("Body", "first"), ("Body", "last")]).json()["body"] == "last"


def test_under_the_default_service_the_service_is_not_shown(api, running):
    conversation = api.post("Conversations", UniqueName="lobby").json()
    message = api.post("Conversations/lobby/Messages").json()

    assert "chat_service_sid" not in message
    assert message["conversation_sid"] == conversation["sid"]
    assert message["url"] == f"{running.url}/v1/Conversations/{conversation['sid']}/Messages/{message['sid']}"

    twin = api.get(
        f"Services/{conversation['chat_service_sid']}/Conversations/lobby/Messages/{message['sid']}"
    )
    assert twin.json()["chat_service_sid"] == conversation["chat_service_sid"]
    assert twin.json()["url"].startswith(f"{running.url}/v1/Services/")
