"""/v1/Content: templates in JSON, and their approvals."""

import pytest

from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.both_engines

TYPES = {
    "twilio/text": {"body": "Hello {{name}}"},
    "twilio/location": {"latitude": 39.7392, "longitude": 104.9903, "label": "Here"},
}


def put(api, url, **body):
    return api.request("PUT", url, json=body)


def make(api, types=TYPES, **body):
    return api.request("POST", "Content", json={"language": "en", "types": types, **body})


def test_content_comes_back_as_it_was_sent(api, running):
    answer = make(api, friendly_name="Greeting", variables={"name": "you"})
    content = answer.json()

    assert answer.status_code == 201
    url = f"{running.url}/v1/Content/{content['sid']}"
    assert content == {
        "sid": content["sid"],
        "account_sid": ACCOUNT_SID,
        "friendly_name": "Greeting",
        "language": "en",
        "variables": {"name": "you"},
        "types": TYPES,
        "date_created": "2024-01-01T00:00:00Z",
        "date_updated": "2024-01-01T00:00:00Z",
        "url": url,
        "links": {
            "approval_create": f"{url}/ApprovalRequests/whatsapp",
            "approval_fetch": f"{url}/ApprovalRequests",
        },
    }
    assert content["sid"].startswith("HX")
    assert api.get(url).json() == content


def test_without_name_and_variables_there_are_none_and_null_is_unset(api):
    content = make(api, friendly_name=None, variables=None, types=TYPES | {"twilio/media": None}).json()

    assert (content["friendly_name"], content["variables"], content["types"]) == (None, {}, TYPES)


@pytest.mark.parametrize(
    "types",
    [
        {"twilio/media": {"media": ["https://example.org/a.png"], "body": None}},
        {"twilio/location": {"latitude": "{{1}}", "longitude": "{{2}}"}},
        {"twilio/quick-reply": {"body": "?", "actions": [{"title": "Yes", "id": None}]}},
        {"twilio/call-to-action": {"body": "?", "actions": [{"type": "URL", "title": "Go", "url": "u"}]}},
        {"twilio/list-picker": {"body": "?", "button": "Go", "items": [{"id": "1", "item": "One"}]}},
        {"twilio/card": {"title": "Card", "subtitle": "Sub"}},
        {"twilio/carousel": {"body": "?", "cards": [{"anything": [1, 2.5, None, True]}]}},
        {"whatsapp/flows": {}},
    ],
)
def test_every_type_is_taken_and_those_that_are_not_known_pass_as_they_are(api, types):
    answer = make(api, types)

    assert answer.status_code == 201
    assert api.get(answer.json()["url"]).json()["types"] == types


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"types": TYPES},
        {"language": "en"},
        {"language": "", "types": TYPES},
        {"language": 7, "types": TYPES},
        {"language": "x" * 17, "types": TYPES},
        {"language": "en", "types": {}},
        {"language": "en", "types": []},
        {"language": "en", "types": "twilio/text"},
        {"language": "en", "types": {"twilio/text": None}},
        {"language": "en", "types": {"twilio/text": "Hello"}},
        {"language": "en", "types": {"twilio/text": {}}},
        {"language": "en", "types": {"twilio/text": {"body": 7}}},
        {"language": "en", "types": {"twilio/media": {"body": "x"}}},
        {"language": "en", "types": {"twilio/location": {"latitude": 1}}},
        {"language": "en", "types": {"twilio/quick-reply": {"body": "?", "actions": []}}},
        {"language": "en", "types": {"twilio/list-picker": {"body": "?", "button": "Go"}}},
        {"language": "en", "types": {"twilio/card": {"subtitle": "x"}}},
        {"language": "en", "types": {"twilio/text": {"body": "{{1}}" * 1_001}}},
        {"language": "en", "types": TYPES, "variables": {"1": "x" * 1_601}},
        {"language": "en", "types": TYPES, "variables": []},
        {"language": "en", "types": TYPES, "variables": {"1": 7}},
        {"language": "en", "types": TYPES, "friendly_name": "x" * 257},
        {"language": "en", "types": TYPES, "friendly_name": "a\0b"},
    ],
)
def test_what_is_missing_or_wrong_is_refused_by_its_name(api, body):
    answer = api.request("POST", "Content", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)


@pytest.mark.parametrize("depth", [300, 900, 5_000, 40_000])
def test_what_is_nested_deeply_is_refused_or_can_be_sent(api, room, depth):
    data = b'{"language": "en", "types": {"x/y": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}}"
    answer = api.request("POST", "Content", data=data, headers={"Content-Type": "application/json"})

    if answer.status_code == 201:
        sent = api.post(f"{room}/Messages", ContentSid=answer.json()["sid"])
        assert sent.status_code == 201
    else:
        assert (answer.status_code, answer.json()["code"]) == (400, 20001)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"{", "application/json"), (b"[]", "application/json"), (b"\xff", "application/json"), (b"a=b", None)],
)
def test_only_json_is_taken(api, body, content_type):
    headers = {"Content-Type": content_type or "application/x-www-form-urlencoded"}
    answer = api.request("POST", "Content", data=body, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)


def test_too_much_is_too_large(api):
    answer = make(api, {"twilio/text": {"body": "x" * 262_144}})

    assert (answer.status_code, answer.json()["code"]) == (413, 20413)


def test_an_update_replaces_what_it_names(api, clock):
    content = make(api, friendly_name="Greeting").json()
    clock.advance(seconds=1)
    types = {"twilio/text": {"body": "Bye"}}
    answer = put(api, content["url"], types=types, language="de")

    assert answer.status_code == 200
    expected = content | {"types": types, "language": "de", "date_updated": "2024-01-01T00:00:01Z"}
    assert answer.json() == api.get(content["url"]).json() == expected


def test_an_update_needs_types(api):
    content = make(api).json()
    refused = put(api, content["url"], language="de")

    assert (refused.status_code, refused.json()["code"]) == (400, 20001)
    assert refused.json()["message"] == "Missing required parameter types in the post body"


def test_deleted_content_is_gone(api):
    content = make(api).json()

    assert api.delete(content["url"]).status_code == 204
    assert api.get(content["url"]).status_code == api.delete(content["url"]).status_code == 404
    assert put(api, content["url"], types=TYPES).status_code == 404


def test_a_list_has_pages_oldest_first(api, running):
    made = [make(api, friendly_name=str(n)).json()["sid"] for n in range(5)]
    first = api.get("Content", PageSize=2).json()
    second = api.get(first["meta"]["next_page_url"]).json()

    assert [each["sid"] for each in first["contents"] + second["contents"]] == made[:4]
    assert first["meta"]["key"] == "contents"
    assert api.get("Content").json()["meta"]["url"] == f"{running.url}/v1/Content?PageSize=50&Page=0"


@pytest.mark.parametrize(
    ("size", "shown"), [(None, 50), (101, 101), (1_000, 1_000), (1_001, 1_000), (2**63 - 1, 1_000)]
)
def test_a_page_holds_50_and_1_000_at_most(api, size, shown):
    made = [make(api).json()["sid"] for _ in range(102)]
    page = api.get("Content", **({} if size is None else {"PageSize": size})).json()

    assert page["meta"]["page_size"] == shown
    assert [each["sid"] for each in page["contents"]] == made[:shown]


def test_another_account_has_content_of_its_own(api, stranger):
    content = make(api).json()

    assert stranger.get("Content").json()["contents"] == []
    for answer in (
        stranger.get(content["url"]),
        put(stranger, content["url"], types=TYPES),
        stranger.delete(content["url"]),
        stranger.get(content["links"]["approval_fetch"]),
        stranger.request("POST", content["links"]["approval_create"], json={"name": "x", "category": "y"}),
    ):
        assert answer.status_code == 404


def test_the_content_services_own_host_is_answered_too(api):
    assert api.request("GET", "Content", headers={"Host": "content.example.org"}).status_code == 200


def test_an_approval_is_given_at_once_and_shown(api):
    content = make(api).json()
    before = api.get(content["links"]["approval_fetch"]).json()
    asked = {"name": "tree_fiddy", "category": "UTILITY"}
    answer = api.request("POST", content["links"]["approval_create"], json=asked)

    assert before["whatsapp"]["status"] == "unsubmitted"
    assert answer.status_code == 201
    given = {
        **asked,
        "content_type": "twilio/text",
        "status": "approved",
        "rejection_reason": "",
        "allow_category_change": True,
    }
    assert answer.json() == given
    assert api.get(content["links"]["approval_fetch"]).json() == {
        "sid": content["sid"],
        "account_sid": ACCOUNT_SID,
        "whatsapp": {"type": "whatsapp", **given},
        "url": content["links"]["approval_fetch"],
    }


def test_asked_again_the_later_approval_counts_and_both_parts_are_needed(api):
    content = make(api).json()
    for name in ("one", "two"):
        body = {"name": name, "category": "UTILITY"}
        assert api.request("POST", content["links"]["approval_create"], json=body).status_code == 201

    assert api.get(content["links"]["approval_fetch"]).json()["whatsapp"]["name"] == "two"
    refused = api.request("POST", content["links"]["approval_create"], json={"name": "x"})
    assert (refused.status_code, refused.json()["code"]) == (400, 20001)
