"""Webhooks are configured in three places, each with its own unset values, limits and errors."""

import pytest

from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.both_engines

URL = "https://example.com/hook"
UNKNOWN = "0123456789abcdef" * 2


def test_an_account_without_webhooks(api, running):
    assert api.get("Configuration/Webhooks").json() == {
        "account_sid": ACCOUNT_SID,
        "method": "POST",
        "filters": [],
        "pre_webhook_url": None,
        "post_webhook_url": None,
        "target": "webhook",
        "url": f"{running.url}/v1/Configuration/Webhooks",
    }


def test_a_service_without_webhooks(api, service, running):
    assert api.get(f"{service}/Configuration/Webhooks").json() == {
        "account_sid": ACCOUNT_SID,
        "chat_service_sid": service.split("/")[1],
        "pre_webhook_url": None,
        "post_webhook_url": None,
        "filters": None,
        "method": None,
        "url": f"{running.url}/v1/{service}/Configuration/Webhooks",
    }


def test_settings_are_changed_one_by_one_and_filters_as_a_whole(api):
    first = api.post(
        "Configuration/Webhooks",
        [("PostWebhookUrl", URL), ("Filters", "onMessageAdded"), ("Filters", "ONMESSAGEREMOVED")],
    ).json()
    second = api.post("Configuration/Webhooks", Method="get", Target="FLEX").json()
    third = api.post("Configuration/Webhooks", Filters="onUserAdded", PostWebhookUrl="").json()

    assert first["filters"] == ["onMessageAdded", "onMessageRemoved"]
    assert second == first | {"method": "GET", "target": "flex"}
    assert third == second | {"filters": ["onUserAdded"], "post_webhook_url": None}
    assert api.post("Configuration/Webhooks", Filters="").json()["filters"] == []
    assert api.get("Configuration/Webhooks").json()["method"] == "GET"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Method": "PUT"}, 50055),
        ({"PostWebhookUrl": "ftp://example.com"}, 50054),
        ({"PreWebhookUrl": "example.com/hook"}, 50054),
        ({"PreWebhookUrl": "http://"}, 50054),
        ({"PreWebhookUrl": "javascript:alert(1)"}, 50054),
        ({"PreWebhookUrl": "http://example.com:99999/"}, 50054),
        ({"PostWebhookUrl": "http://example.com/" + "x" * 512}, 50372),
        ({"Filters": "onMessageSent"}, 50365),
        ({"Filters": ["onMessageAdded", "nonsense"]}, 50365),
    ],
)
def test_a_bad_setting_is_refused_and_changes_nothing(api, service, form, code):
    for path in ("Configuration/Webhooks", f"{service}/Configuration/Webhooks"):
        before = api.get(path).json()
        answer = api.post(path, form)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert api.get(path).json() == before


def test_another_accounts_service_is_not_found(stranger, service):
    path = f"{service}/Configuration/Webhooks"

    assert stranger.get(path).status_code == stranger.post(path, Method="GET").status_code == 404


KINDS = [
    (
        {"Target": "webhook", "Configuration.Url": URL, "Configuration.Filters": ["onMessageAdded"]},
        {"url": URL, "method": "post", "filters": ["onMessageAdded"]},
    ),
    (
        {"Target": "Webhook", "Configuration.Url": URL, "Configuration.Method": "GET"}
        | {"Configuration.Filters": ["onMessageAdded"], "Configuration.ReplayAfter": "0"},
        {"url": URL, "method": "get", "filters": ["onMessageAdded"], "replay_after": 0},
    ),
    (
        {"Target": "trigger", "Configuration.Url": URL, "Configuration.Triggers": ["help", "stop"]},
        {"url": URL, "method": "post", "triggers": ["help", "stop"]},
    ),
    ({"Target": "studio", "Configuration.FlowSid": f"FW{UNKNOWN}"}, {"flow_sid": f"FW{UNKNOWN}"}),
]


@pytest.mark.parametrize(("form", "configuration"), KINDS)
def test_a_conversations_webhook_of_each_kind(api, room, running, form, configuration):
    answer = api.post(f"{room}/Webhooks", form)
    webhook = answer.json()

    assert answer.status_code == 201
    assert webhook == {
        "sid": webhook["sid"],
        "account_sid": ACCOUNT_SID,
        "chat_service_sid": room.split("/")[1],
        "conversation_sid": room.split("/")[3],
        "target": form["Target"].lower(),
        "configuration": configuration,
        "date_created": "2024-01-01T00:00:00Z",
        "date_updated": "2024-01-01T00:00:00Z",
        "url": f"{running.url}/v1/{room}/Webhooks/{webhook['sid']}",
    }
    assert api.get(webhook["url"]).json() == webhook
    assert api.get(f"{room}/Webhooks").json()["webhooks"] == [webhook]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 20001),
        ({"Target": "phone"}, 50364),
        ({"Target": "webhook"}, 50369),
        ({"Target": "webhook", "Configuration.Url": URL}, 50370),
        ({"Target": "webhook", "Configuration.Url": URL, "Configuration.Filters": "onMessageAdd"}, 50365),
        (
            {"Target": "webhook", "Configuration.Url": "x" * 513, "Configuration.Filters": "onMessageAdded"},
            50372,
        ),
        ({"Target": "trigger", "Configuration.Url": URL}, 50371),
        ({"Target": "trigger", "Configuration.Url": URL, "Configuration.Triggers": ""}, 50366),
        ({"Target": "trigger", "Configuration.Url": URL, "Configuration.Triggers": list("abcdef")}, 50362),
        ({"Target": "studio"}, 50367),
        ({"Target": "studio", "Configuration.FlowSid": "FW1"}, 50367),
        ({**KINDS[0][0], "Configuration.Method": "PUT"}, 50055),
        ({**KINDS[0][0], "Configuration.ReplayAfter": "first"}, 20001),
        ({**KINDS[0][0], "Configuration.ReplayAfter": "-1"}, 20001),
        ({**KINDS[2][0], "Configuration.Triggers": "x" * 249}, 50366),
        ({**KINDS[2][0], "Configuration.Triggers": ["help", "é" * 249]}, 50366),
    ],
)
def test_a_bad_webhook_is_refused_and_not_stored(api, room, form, code):
    answer = api.post(f"{room}/Webhooks", form)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert api.get(f"{room}/Webhooks").json()["webhooks"] == []


def test_triggers_of_248_characters_are_taken(api, room):
    triggers = ["é" * 248, "😀" * 248]
    answer = api.post(f"{room}/Webhooks", {**KINDS[2][0], "Configuration.Triggers": triggers})

    assert answer.status_code == 201
    assert answer.json()["configuration"]["triggers"] == triggers
    refused = api.post(answer.json()["url"], {"Configuration.Triggers": "x" * 249})
    assert (refused.status_code, refused.json()["code"]) == (400, 50366)
    assert api.get(answer.json()["url"]).json() == answer.json()


def test_five_webhooks_and_no_sixth(api, room):
    answers = [api.post(f"{room}/Webhooks", KINDS[0][0]) for _ in range(6)]
    page = api.get(f"{room}/Webhooks", PageSize=100).json()

    assert [answer.status_code for answer in answers] == [201] * 5 + [400]
    assert answers[5].json()["code"] == 50361
    assert page["meta"]["page_size"] == 5
    assert page["webhooks"] == [answer.json() for answer in answers[:5]]


def test_a_webhook_is_updated_and_deleted(api, room, clock):
    webhook = api.post(f"{room}/Webhooks", KINDS[0][0]).json()
    clock.advance(seconds=1)
    form = {"Configuration.Filters": ["onMessageRemoved"], "Configuration.Method": "GET", "Target": "studio"}
    updated = api.post(webhook["url"], form).json()

    assert updated["configuration"] == {"url": URL, "method": "get", "filters": ["onMessageRemoved"]}
    assert (updated["target"], updated["date_updated"]) == ("webhook", "2024-01-01T00:00:01Z")
    assert api.post(webhook["url"], {"Configuration.Filters": ""}).json()["code"] == 50370
    assert api.delete(webhook["url"]).status_code == 204
    assert api.get(webhook["url"]).json()["code"] == 20404


def test_a_closed_conversations_webhooks_can_only_be_read(api, room):
    webhook = api.post(f"{room}/Webhooks", KINDS[0][0]).json()
    api.post(room, State="closed")

    assert api.get(webhook["url"]).json() == webhook
    for answer in (api.post(f"{room}/Webhooks", KINDS[0][0]), api.delete(webhook["url"])):
        assert answer.json()["code"] == 50377
