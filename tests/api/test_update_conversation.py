"""POST …/Conversations/{Sid}."""

import pytest

pytestmark = pytest.mark.both_engines

CLOSED = {
    "code": 50377,
    "message": "Can't update conversation as it's in final closed state",
    "more_info": "https://www.twilio.com/docs/errors/50377",
    "status": 400,
}


@pytest.fixture
def lobby(api, service, clock):
    """A conversation that was made a minute ago, with something in everything that can be set."""
    form = {
        "FriendlyName": "Lobby",
        "UniqueName": "lobby",
        "Attributes": '{"floor": 1}',
        "MessagingServiceSid": "MG" + "1" * 32,
        "Bindings.Email.Address": "lobby@example.com",
        "Bindings.Email.Name": "Lobby",
        "Timers.Inactive": "PT1H",
        "Timers.Closed": "PT2H",
    }
    lobby = api.post(f"{service}/Conversations", form).json()
    clock.advance(minutes=1)
    return lobby


@pytest.fixture
def closed(api, service):
    """A conversation with a participant and a message, closed."""
    closed = api.post(f"{service}/Conversations", UniqueName="closed").json()
    api.post(closed["links"]["participants"], Identity="alice")
    api.post(closed["links"]["messages"], Body="Hello")
    return api.post(closed["url"], State="closed").json()


@pytest.mark.parametrize(
    ("form", "changes"),
    [
        ({"FriendlyName": "Hall"}, {"friendly_name": "Hall"}),
        ({"UniqueName": "hall"}, {"unique_name": "hall"}),
        ({"UniqueName": ""}, {"unique_name": None}),
        ({"Attributes": " [1]"}, {"attributes": " [1]"}),
        ({"Attributes": ""}, {"attributes": "{}"}),
        ({"MessagingServiceSid": "MG" + "2" * 32}, {"messaging_service_sid": "MG" + "2" * 32}),
        ({"DateCreated": "2015-12-16T22:18:37Z"}, {"date_created": "2015-12-16T22:18:37Z"}),
        ({"DateUpdated": "2015-12-16T22:18:38Z"}, {"date_updated": "2015-12-16T22:18:38Z"}),
        (
            {"Bindings.Email.Name": "Hall"},
            {"bindings": {"email": {"projected_address": "lobby@example.com", "name": "Hall"}}},
        ),
    ],
)
def test_an_update_changes_what_it_names_and_the_date(api, lobby, form, changes):
    answer = api.post(lobby["url"], form)
    updated = answer.json()

    assert answer.status_code == 200
    timers = updated["timers"]
    assert updated == lobby | {"date_updated": "2024-01-01T00:01:00Z", "timers": timers} | changes
    assert api.get(lobby["url"]).json() == updated


def test_an_update_without_parameters_changes_nothing(api, lobby):
    for form in ({}, {"Nonsense": "1"}):
        answer = api.post(lobby["url"], form)
        assert answer.status_code == 200
        assert answer.json() == lobby
    assert api.get(lobby["url"]).json() == lobby


def test_the_unique_name_may_be_sent_again(api, lobby):
    answer = api.post(lobby["url"], UniqueName="lobby", FriendlyName="Hall")

    assert answer.status_code == 200
    assert answer.json()["friendly_name"] == "Hall"


def test_messages_by_name_go_to_whoever_has_the_name_now(api, service, lobby):
    by_name, hall = f"{service}/Conversations/lobby/Messages", api.post(f"{service}/Conversations").json()

    def where():
        return {api.post(by_name).json().get("conversation_sid") for _ in range(3)}

    assert where() == {lobby["sid"]}
    api.post(lobby["url"], UniqueName="")
    assert where() == {None}
    api.post(hall["url"], UniqueName="lobby")
    assert where() == {hall["sid"]}
    api.delete(hall["url"])
    assert where() == {None}
    api.post(lobby["url"], UniqueName="lobby")
    assert where() == {lobby["sid"]}


def test_a_unique_name_moves_from_one_conversation_to_another(api, service, lobby):
    hall = api.post(f"{service}/Conversations", UniqueName="hall").json()
    taken = api.post(hall["url"], UniqueName="lobby", FriendlyName="Hall")
    assert (taken.status_code, taken.json()["code"]) == (409, 50353)
    assert taken.json()["message"] == "Conversation with provided unique name already exists"
    assert api.get(hall["url"]).json() == hall

    api.post(lobby["url"], UniqueName="")
    assert api.post(hall["url"], UniqueName="lobby").json()["unique_name"] == "lobby"
    assert api.get(f"{service}/Conversations/lobby").json()["sid"] == hall["sid"]
    assert api.get(f"{service}/Conversations/hall").status_code == 404


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"FriendlyName": "x" * 257}, 50003),
        ({"UniqueName": "x" * 257}, 50004),
        ({"UniqueName": "CH" + "0" * 32}, 50390),
        ({"Attributes": '"' + "x" * 16_383 + '"'}, 50303),
        ({"Attributes": "{"}, 50304),
        ({"DateCreated": "nonsense"}, 50308),
        ({"DateUpdated": "nonsense"}, 50309),
        ({"MessagingServiceSid": "MG1"}, 50341),
        ({"State": ""}, 50374),
        ({"State": "initializing"}, 50378),
        ({"Timers.Inactive": "PT59S"}, 50375),
        ({"Timers.Closed": "PT9M59S"}, 50376),
        ({"Timers.Inactive": "soon"}, 50379),
        ({"Timers.Closed": "late"}, 50380),
    ],
)
def test_a_bad_parameter_is_refused_and_nothing_is_changed(api, lobby, form, code):
    answer = api.post(lobby["url"], {"Bindings.Email.Name": "Hall", **form})

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert api.get(lobby["url"]).json() == lobby


@pytest.mark.parametrize(
    ("form", "timers"),
    [
        ({"Timers.Inactive": "PT5M", "Timers.Closed": "PT30M"}, ("00:06:00", "00:31:00")),
        ({"Timers.Inactive": "PT5M"}, ("00:06:00", "02:01:00")),
        ({"Timers.Closed": "PT30M"}, ("01:01:00", "00:31:00")),
        ({"Timers.Inactive": "PT0S"}, (None, "02:01:00")),
        ({"Timers.Closed": ""}, ("01:01:00", None)),
        ({"Timers.Inactive": "PT0S", "Timers.Closed": "PT0S"}, (None, None)),
        ({"State": "inactive"}, (None, "02:01:00")),
        ({"State": "closed"}, (None, None)),
    ],
)
def test_timers_start_anew_with_an_update(api, lobby, form, timers):
    moments = zip(("date_inactive", "date_closed"), timers, strict=True)
    expected = {name: f"2024-01-01T{time}Z" for name, time in moments if time is not None}

    assert api.post(lobby["url"], form).json()["timers"] == expected


def test_a_conversation_becomes_inactive_and_active_again(api, lobby):
    assert api.post(lobby["url"], State="inactive").json()["state"] == "inactive"
    assert api.post(lobby["url"], State="inactive").json()["state"] == "inactive"
    woken = api.post(lobby["url"], State="ACTIVE").json()

    assert woken["state"] == "active"
    assert woken["timers"] == lobby["timers"] | {
        "date_inactive": "2024-01-01T01:01:00Z",
        "date_closed": "2024-01-01T02:01:00Z",
    }


def test_a_conversation_is_closed_and_says_so(api, service, lobby):
    answer = api.post(lobby["url"], State="closed")

    assert answer.status_code == 200
    assert answer.json() == lobby | {
        "state": "closed",
        "timers": {},
        "date_updated": "2024-01-01T00:01:00Z",
    }
    assert api.get(f"{service}/Conversations", State="closed").json()["conversations"] == [answer.json()]


@pytest.mark.parametrize(
    "form",
    [{"State": "active"}, {"State": "inactive"}, {"State": "closed"}, {"FriendlyName": "Hall"}, {}],
)
def test_closing_is_final(api, closed, form):
    answer = api.post(closed["url"], form)

    assert answer.status_code == 400
    assert answer.json() == CLOSED
    assert api.get(closed["url"]).json() == closed


def test_a_closed_conversation_takes_nobody_and_lets_nobody_go(api, closed):
    alice = f"{closed['links']['participants']}/alice"
    participants = api.get(closed["links"]["participants"]).json()

    for answer in (
        api.post(closed["links"]["participants"], Identity="bob"),
        api.post(alice, LastReadMessageIndex="0"),
        api.post(alice, Attributes="[]"),
        api.delete(alice),
        api.post(closed["links"]["messages"], Body="Hello"),
    ):
        assert answer.status_code == 400
        assert answer.json() == CLOSED
    assert api.get(closed["links"]["participants"]).json() == participants


def test_a_closed_conversation_is_still_read(api, service, closed):
    participants = api.get(closed["links"]["participants"]).json()["participants"]
    messages = api.get(closed["links"]["messages"]).json()["messages"]

    assert api.get(f"{service}/Conversations/closed").json() == closed
    assert [participant["identity"] for participant in participants] == ["alice"]
    assert [message["body"] for message in messages] == ["Hello"]
    assert api.get(participants[0]["url"]).json() == participants[0]
    assert api.get(messages[0]["url"]).json() == messages[0]


def test_a_closed_conversation_is_deleted(api, closed):
    assert api.delete(closed["url"]).status_code == 204
    assert api.get(closed["url"]).status_code == 404
