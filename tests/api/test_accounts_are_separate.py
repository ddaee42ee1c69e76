"""What one account has, another can neither see nor change nor tell from what does not exist."""

import re

import pytest

pytestmark = pytest.mark.core

PAIR = {"MessagingBinding.Address": "+15550100001", "MessagingBinding.ProxyAddress": "+15550100002"}
FORM = {"FriendlyName": "x", "Identity": "bob", "Body": "x", "Attributes": "[]"}
STAMPED = {"Date", "Content-Length", "Twilio-Request-Id", "Twilio-Request-Duration"}

SERVICE, ROOM = "Services/{IS}", "Services/{IS}/Conversations/{CH}"
IN_A_SERVICE = [
    ("GET", SERVICE),
    ("DELETE", SERVICE),
    ("GET", f"{SERVICE}/Conversations"),
    ("POST", f"{SERVICE}/Conversations"),
]
IN_A_CONVERSATION = [
    ("GET", ""),
    ("POST", ""),
    ("DELETE", ""),
    ("GET", "/Participants"),
    ("POST", "/Participants"),
    ("GET", "/Participants/{MB}"),
    ("POST", "/Participants/{MB}"),
    ("DELETE", "/Participants/{MB}"),
    ("GET", "/Participants/alice"),
    ("POST", "/Participants/alice"),
    ("DELETE", "/Participants/alice"),
    ("GET", "/Messages"),
    ("POST", "/Messages"),
    ("GET", "/Messages/{IM}"),
    ("POST", "/Messages/{IM}"),
    ("DELETE", "/Messages/{IM}"),
    ("GET", "/Messages/{IM}/Receipts"),
    ("GET", "/Messages/{IM}/Receipts/DY1"),
    ("GET", "/Messages/{IM}/ChannelMetadata"),
]
BY_SID = [*IN_A_SERVICE, *((method, ROOM + child) for method, child in IN_A_CONVERSATION)]
BY_NAME = [(method, f"{SERVICE}/Conversations/lobby{child}") for method, child in IN_A_CONVERSATION]
SHORT_BY_SID = [(method, f"Conversations/{{CH}}{child}") for method, child in IN_A_CONVERSATION]
SHORT_BY_NAME = [(method, f"Conversations/lobby{child}") for method, child in IN_A_CONVERSATION]


def furnish(api, conversations):
    """Make a conversation of the name `lobby` with a participant and a message; all their SIDs."""
    conversation = api.post(conversations, UniqueName="lobby").json()
    participant = api.post(conversation["links"]["participants"], Identity="alice").json()
    message = api.post(conversation["links"]["messages"], Author="alice").json()
    return {
        "IS": conversation["chat_service_sid"],
        "CH": conversation["sid"],
        "MB": participant["sid"],
        "IM": message["sid"],
    }


def unknown(sids):
    """SIDs of the same kinds that nobody has."""
    return {prefix: prefix + "f" * 32 for prefix in sids}


def contents(api, sids):
    """All that there is below a conversation, and around it."""
    room = f"Services/{sids['IS']}/Conversations/{sids['CH']}"
    paths = [f"Services/{sids['IS']}", room, f"{room}/Participants", f"{room}/Messages"]
    paths += ["Services", f"Services/{sids['IS']}/Conversations", "Conversations"]
    return [api.get(path).json() for path in paths]


def told(answer):
    """What an answer tells, but for the SIDs of its own path and what differs each time."""
    headers = {name: value for name, value in answer.headers.items() if name.title() not in STAMPED}
    return answer.status_code, headers, re.sub(r"([A-Z]{2})[0-9a-f]{32}", r"\1", answer.text)


def ensure_alike(stranger, requests, sids):
    """Each path of what exists answers as the same path of what does not."""
    for method, path in requests:
        theirs, nobodys = (
            stranger.request(method, path.format_map(known), data=FORM if method == "POST" else None)
            for known in (sids, unknown(sids))
        )
        assert theirs.status_code == 404, (method, path)
        assert theirs.json() == {
            "code": 20404,
            "message": f"The requested resource /{path.format_map(sids)} was not found",
            "more_info": "https://www.twilio.com/docs/errors/20404",
            "status": 404,
        }
        assert told(theirs) == told(nobodys), (method, path)


@pytest.mark.parametrize("requests", [BY_SID, BY_NAME], ids=["by SID", "by name"])
def test_another_accounts_service_is_as_one_that_does_not_exist(api, stranger, service, requests):
    sids = furnish(api, f"{service}/Conversations")
    before = contents(api, sids)
    ensure_alike(stranger, requests, sids)

    assert contents(api, sids) == before


@pytest.mark.parametrize(
    "requests",
    [BY_SID[4:], BY_NAME, SHORT_BY_SID, SHORT_BY_NAME],
    ids=["by SID", "by name", "by SID alone", "by name alone"],
)
def test_another_accounts_default_service_is_as_one_that_does_not_exist(api, stranger, requests):
    sids = furnish(api, "Conversations")
    before = contents(api, sids)
    ensure_alike(stranger, requests, sids)

    assert contents(api, sids) == before


def test_another_accounts_default_service_cannot_be_deleted_or_told(api, stranger):
    sids = furnish(api, "Conversations")
    ensure_alike(stranger, IN_A_SERVICE, sids)

    assert api.get("Conversations/lobby").json()["sid"] == sids["CH"]


def test_a_conversation_is_not_found_below_a_service_of_the_caller(api, stranger, service):
    sids = furnish(api, f"{service}/Conversations")
    before = contents(api, sids)
    own = stranger.post("Services", FriendlyName="Own").json()["sid"]
    ensure_alike(stranger, BY_SID[4:], sids | {"IS": own})
    ensure_alike(stranger, SHORT_BY_SID, sids)

    assert contents(api, sids) == before


def test_a_conversation_of_the_caller_is_not_found_below_anothers_service(api, stranger, service):
    own = furnish(stranger, "Conversations")
    ensure_alike(stranger, BY_SID, own | {"IS": service.split("/")[1]})


def test_children_are_not_found_below_a_conversation_of_the_caller(api, stranger, service):
    sids = furnish(api, f"{service}/Conversations")
    before = contents(api, sids)
    own = furnish(stranger, "Conversations")
    children = [(m, p) for m, p in SHORT_BY_SID if "{MB}" in p or "{IM}" in p]
    ensure_alike(stranger, children, sids | {"IS": own["IS"], "CH": own["CH"]})

    assert contents(api, sids) == before


def test_in_ones_own_account_another_services_conversation_is_as_one_that_does_not_exist(api, service):
    sids = furnish(api, f"{service}/Conversations")
    before = contents(api, sids)
    other = api.post("Services", FriendlyName="Sales").json()
    ensure_alike(api, BY_SID[4:], sids | {"IS": other["sid"]})
    ensure_alike(api, SHORT_BY_SID, sids)
    api.delete(other["url"])

    assert contents(api, sids) == before


def test_lists_show_ones_own_account_only(api, stranger, service):
    furnish(api, f"{service}/Conversations")
    furnish(api, "Conversations")
    furnish(stranger, "Conversations")

    def services_of(caller):
        return {each["sid"]: each["account_sid"] for each in caller.get("Services").json()["services"]}

    def conversations_of(caller):
        return {each["account_sid"] for each in caller.get("Conversations").json()["conversations"]}

    assert set(services_of(api).values()) == conversations_of(api) == {api.session.auth[0]}
    assert set(services_of(stranger).values()) == conversations_of(stranger) == {stranger.session.auth[0]}
    assert (len(services_of(api)), len(services_of(stranger))) == (2, 1)
    assert len(stranger.get("Conversations").json()["conversations"]) == 1


def test_names_and_addresses_are_taken_in_ones_own_account_only(api, stranger):
    for caller in (api, stranger):
        assert caller.post("Conversations", UniqueName="lobby").status_code == 201
        assert caller.post("Conversations/lobby/Participants", PAIR).status_code == 201
        group = ({"ProjectedAddress": "3"}, {"Address": "4"}, {"Address": "5"})
        for [(name, digit)] in map(dict.items, group):
            form = {f"MessagingBinding.{name}": f"+1555010000{digit}"}
            assert caller.post("Conversations/lobby/Participants", form).status_code == 201


def test_a_page_that_one_account_has_read_is_not_shown_to_another(api, stranger):
    for caller, body in ((api, "mine"), (stranger, "theirs"), (api, "mine"), (stranger, "theirs")):
        caller.post("Conversations", UniqueName="lobby")
        caller.post("Conversations/lobby/Messages", Body=body)
        messages = caller.get("Conversations/lobby/Messages").json()["messages"]
        assert {message["body"] for message in messages} == {body}


def test_a_page_link_of_one_account_leads_another_nowhere(api, stranger, service):
    for _ in range(2):
        api.post(f"{service}/Conversations")
        api.post("Conversations")
    link = api.get(f"{service}/Conversations", PageSize=1).json()["meta"]["next_page_url"]
    short = api.get("Conversations", PageSize=1).json()["meta"]["next_page_url"]

    assert stranger.get(link).status_code == 404
    assert stranger.get(short).json()["conversations"] == []


def test_an_api_key_sees_its_own_account_only(running, api, stranger, service):
    sids = furnish(stranger, "Conversations")
    key = running.create_key()
    api.session.auth = key

    assert api.get(service).status_code == 200
    ensure_alike(api, [*IN_A_SERVICE, *SHORT_BY_SID], sids)
