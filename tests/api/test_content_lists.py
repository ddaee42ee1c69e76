"""/v1/ContentAndApprovals and /v1/LegacyContent: lists that can only be read."""

import pytest

from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.both_engines

TYPES = {"twilio/text": {"body": "Hello {{1}}"}}


def make(api, name):
    body = {"language": "en", "types": TYPES, "friendly_name": name, "variables": {"1": "you"}}
    return api.request("POST", "Content", json=body).json()


def test_content_is_listed_with_its_approval(api):
    first, second = make(api, "first"), make(api, "second")
    api.request("POST", second["links"]["approval_create"], json={"name": "greeting", "category": "UTILITY"})
    answer = api.get("ContentAndApprovals")
    common = {"rejection_reason": "", "allow_category_change": True}

    assert answer.status_code == 200
    assert answer.json()["meta"]["key"] == "contents"
    assert answer.json()["contents"] == [
        {
            "sid": first["sid"],
            "account_sid": ACCOUNT_SID,
            "friendly_name": "first",
            "language": "en",
            "variables": {"1": "you"},
            "types": TYPES,
            "date_created": "2024-01-01T00:00:00Z",
            "date_updated": "2024-01-01T00:00:00Z",
            "approval_requests": {"name": "", "category": "", "content_type": ""}
            | {"status": "unsubmitted"}
            | common,
        },
        {name: value for name, value in second.items() if name not in {"url", "links"}}
        | {
            "approval_requests": {
                "name": "greeting",
                "category": "UTILITY",
                "content_type": "twilio/text",
                "status": "approved",
            }
            | common
        },
    ]


def test_the_list_has_pages_of_up_to_a_thousand(api):
    made = [make(api, str(number))["sid"] for number in range(3)]
    page = api.get("ContentAndApprovals?PageSize=2").json()
    rest = api.get(page["meta"]["next_page_url"]).json()

    assert [each["sid"] for each in page["contents"] + rest["contents"]] == made
    assert rest["meta"]["next_page_url"] is None
    assert api.get("ContentAndApprovals?PageSize=5000").json()["meta"]["page_size"] == 1_000


def test_one_account_does_not_see_the_content_of_another(api, stranger):
    make(api, "ours")

    assert stranger.get("ContentAndApprovals").json()["contents"] == []


def test_no_content_comes_from_an_older_console(api):
    make(api, "first")
    answer = api.get("LegacyContent?PageSize=1000")

    assert answer.status_code == 200
    assert answer.json()["contents"] == []
    assert answer.json()["meta"]["page_size"] == 1_000
    assert answer.json()["meta"]["next_page_url"] is None


@pytest.mark.parametrize("path", ["ContentAndApprovals", "LegacyContent"])
def test_these_lists_can_only_be_read(api, path):
    assert api.post(path).status_code == 405
