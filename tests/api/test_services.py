"""…/Services."""

import pytest

from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.both_engines

UNKNOWN_SID = "IS" + "0" * 32
PAIR = {"MessagingBinding.Address": "+15550100001", "MessagingBinding.ProxyAddress": "+15550100002"}


def names(answer):
    return [service["friendly_name"] for service in answer.json()["services"]]


def default_service(api):
    """The path of the account's default service."""
    return "Services/" + api.post("Conversations").json()["chat_service_sid"]


def test_a_new_service_has_its_name_its_dates_and_links_to_what_is_in_it(api, running):
    answer = api.post("Services", FriendlyName="Support")
    service = answer.json()

    assert answer.status_code == 201
    url = f"{running.url}/v1/Services/{service['sid']}"
    assert service == {
        "sid": service["sid"],
        "account_sid": ACCOUNT_SID,
        "friendly_name": "Support",
        "date_created": "2024-01-01T00:00:00Z",
        "date_updated": "2024-01-01T00:00:00Z",
        "url": url,
        "links": {
            "conversations": f"{url}/Conversations",
            "users": f"{url}/Users",
            "roles": f"{url}/Roles",
            "bindings": f"{url}/Bindings",
            "configuration": f"{url}/Configuration",
            "participant_conversations": f"{url}/ParticipantConversations",
            "conversation_with_participants": f"{url}/ConversationWithParticipants",
        },
    }
    assert service["sid"].startswith("IS")
    assert len(service["sid"]) == 34
    assert api.get(url).json() == service


def test_two_services_may_have_the_same_name(api):
    first, second = (api.post("Services", FriendlyName="Support").json() for _ in range(2))

    assert first["sid"] != second["sid"]
    assert first["friendly_name"] == second["friendly_name"] == "Support"


@pytest.mark.parametrize("name", ["x" * 256, "😀" * 256, " ", "Größe & Co. +1%20"])
def test_a_name_is_kept_to_the_letter(api, name):
    answer = api.post("Services", FriendlyName=name)

    assert answer.status_code == 201
    assert answer.json()["friendly_name"] == name


@pytest.mark.parametrize(
    ("form", "code", "message"),
    [
        ({}, 20001, "Missing required parameter FriendlyName in the post body"),
        ({"friendlyname": "Support"}, 20001, "Missing required parameter FriendlyName in the post body"),
        ({"FriendlyName": ""}, 50000, "FriendlyName not provided"),
        ({"FriendlyName": "x" * 257}, 50003, "Friendly name too long"),
    ],
)
def test_a_service_without_a_fit_name_is_refused(api, form, code, message):
    before = names(api.get("Services"))
    answer = api.post("Services", form)

    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert answer.json()["message"] == message
    assert names(api.get("Services")) == before


def test_services_are_listed_in_the_order_of_their_creation_after_the_default_one(api, clock):
    for name in ("first", "second", "third"):
        clock.advance(seconds=1)
        api.post("Services", FriendlyName=name)

    answer = api.get("Services")
    assert answer.status_code == 200
    assert names(answer) == ["Default Conversations Service", "first", "second", "third"]


def test_services_of_the_same_moment_keep_their_order_too(api):
    for number in range(3):
        api.post("Services", FriendlyName=str(number))

    assert names(api.get("Services"))[1:] == ["0", "1", "2"]


def test_services_are_paged_through_both_ways(api, running):
    for number in range(4):
        api.post("Services", FriendlyName=str(number))

    first = api.get("Services", PageSize=2)
    second = api.get(first.json()["meta"]["next_page_url"])
    third = api.get(second.json()["meta"]["next_page_url"])

    assert names(first) == ["Default Conversations Service", "0"]
    assert names(second) == ["1", "2"]
    assert names(third) == ["3"]
    assert third.json()["meta"]["next_page_url"] is None
    back = api.get(third.json()["meta"]["previous_page_url"])
    assert names(back) == names(second)
    assert names(api.get(back.json()["meta"]["previous_page_url"])) == names(first)


def test_a_page_of_services_says_where_it_is(api, running):
    assert api.get("Services").json()["meta"] == {
        "page": 0,
        "page_size": 50,
        "first_page_url": f"{running.url}/v1/Services?PageSize=50&Page=0",
        "previous_page_url": None,
        "url": f"{running.url}/v1/Services?PageSize=50&Page=0",
        "next_page_url": None,
        "key": "services",
    }


def test_a_page_of_services_holds_100_at_most(api):
    assert api.get("Services", PageSize=1_000).json()["meta"]["page_size"] == 100


@pytest.mark.parametrize("sid", [UNKNOWN_SID, "IS1", "Support", "CH" + "0" * 32])
def test_a_service_that_does_not_exist_is_not_found(api, sid):
    for answer in (api.get(f"Services/{sid}"), api.delete(f"Services/{sid}")):
        assert answer.status_code == 404
        assert answer.json()["code"] == 20404
        assert answer.json()["message"] == f"The requested resource /Services/{sid} was not found"


def test_a_service_cannot_be_updated(api, service):
    answer = api.post(service, FriendlyName="Sales")

    assert answer.status_code == 405
    assert answer.json()["code"] == 20004
    assert api.get(service).json()["friendly_name"] == "Support"


def test_a_deleted_service_is_gone(api, service):
    deleted = api.delete(service)

    assert deleted.status_code == 204
    assert deleted.content == b""
    assert names(api.get("Services")) == ["Default Conversations Service"]
    for again in (api.get(service), api.delete(service)):
        assert again.status_code == 404
        assert again.json()["message"] == f"The requested resource /{service} was not found"


def test_with_a_service_everything_in_it_is_deleted(api, service):
    room = f"{service}/Conversations/lobby"
    conversation = api.post(f"{service}/Conversations", UniqueName="lobby").json()
    participant = api.post(f"{room}/Participants", Identity="alice").json()
    message = api.post(f"{room}/Messages", Body="Hello").json()
    urls = [conversation["url"], participant["url"], message["url"]]
    urls += [*conversation["links"].values(), *message["links"].values()]
    assert api.get(message["url"]).json() == message

    api.delete(service)

    for path in (f"{service}/Conversations", room, f"{room}/Participants", f"{room}/Messages", *urls):
        assert (api.get(path).status_code, api.get(path).json()["code"]) == (404, 20404)
    assert api.post(f"{service}/Conversations").status_code == 404
    assert api.post(f"{room}/Messages").status_code == 404


def test_with_a_service_its_unique_names_and_addresses_are_free_again(api, service):
    api.post(f"{service}/Conversations", UniqueName="lobby")
    api.post(f"{service}/Conversations/lobby/Participants", PAIR)
    other = "Services/" + api.post("Services", FriendlyName="Sales").json()["sid"]
    api.delete(service)

    assert api.post(f"{other}/Conversations", UniqueName="lobby").status_code == 201
    assert api.post(f"{other}/Conversations/lobby/Participants", PAIR).status_code == 201


def test_deleting_a_service_leaves_the_others_as_they_are(api, service):
    other = api.post("Services", FriendlyName="Sales").json()
    conversation = api.post(f"Services/{other['sid']}/Conversations", UniqueName="lobby").json()
    lobby = api.post("Conversations", UniqueName="lobby").json()
    api.post(f"{service}/Conversations", UniqueName="lobby")
    api.delete(service)

    assert api.get(other["url"]).json() == other
    assert api.get(conversation["url"]).json() == conversation
    assert api.get("Conversations/lobby").json() == lobby


def test_the_default_service_cannot_be_deleted(api):
    default = default_service(api)
    answer = api.delete(default)

    assert answer.status_code == 409
    assert answer.json()["code"] == 20409
    assert api.get(default).status_code == 200
    assert len(api.get("Conversations").json()["conversations"]) == 1


def test_the_default_service_can_be_named_in_the_path_and_holds_the_same_data(api, running):
    default = default_service(api)
    lobby = api.post("Conversations", UniqueName="lobby").json()
    named = api.get(f"{default}/Conversations/lobby").json()

    assert named["sid"] == lobby["sid"]
    assert named["url"] == f"{running.url}/v1/{default}/Conversations/{lobby['sid']}"
    assert lobby["url"] == f"{running.url}/v1/Conversations/{lobby['sid']}"


def test_services_are_not_found_below_a_service(api, service):
    answer = api.get(f"{service}/Services")

    assert answer.status_code == 404
    assert answer.json()["code"] == 20404
