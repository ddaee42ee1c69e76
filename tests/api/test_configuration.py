"""/Configuration of an account and of a service, and the service's notifications."""

import pytest

from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.both_engines

SILENT = {
    "log_enabled": False,
    "new_message": {"enabled": False},
    "added_to_conversation": {"enabled": False},
    "removed_from_conversation": {"enabled": False},
}


def codes(answers):
    return [(answer.status_code, answer.json()["code"]) for answer in answers]


def test_a_service_has_a_configuration_from_its_beginning(api, service, running):
    url = f"{running.url}/v1/{service}/Configuration"
    configuration = api.get(url).json()

    assert {name: value for name, value in configuration.items() if "role_sid" not in name} == {
        "chat_service_sid": service.split("/")[1],
        "reachability_enabled": False,
        "url": url,
        "links": {"notifications": f"{url}/Notifications", "webhooks": f"{url}/Webhooks"},
    }


def test_a_services_configuration_changes_only_what_is_sent(api, service):
    before = api.get(f"{service}/Configuration").json()
    answer = api.post(f"{service}/Configuration", ReachabilityEnabled="True")
    again = api.post(f"{service}/Configuration")

    assert answer.status_code == 200
    assert answer.json() == again.json() == before | {"reachability_enabled": True}
    assert api.get(f"{service}/Configuration").json() == answer.json()


def test_a_role_that_cannot_be_given_is_refused(api, service):
    roles = {each["friendly_name"]: each["sid"] for each in api.get(f"{service}/Roles").json()["roles"]}
    path, nobody = f"{service}/Configuration", "RL" + "f" * 32
    refused = [
        api.post(path, DefaultConversationCreatorRoleSid=nobody),
        api.post(path, DefaultConversationRoleSid=nobody),
        api.post(path, DefaultChatServiceRoleSid=nobody),
        api.post(path, DefaultChatServiceRoleSid="guest"),
        api.post(path, DefaultConversationRoleSid=roles["service user"]),
        api.post(path, DefaultChatServiceRoleSid=roles["channel user"]),
        api.post(path, ReachabilityEnabled="perhaps"),
    ]

    assert codes(refused) == [
        (400, 50106),
        (400, 50109),
        (400, 50102),
        (400, 50102),
        (400, 50105),
        (400, 50105),
        (400, 20001),
    ]


def test_notifications_are_off_until_they_are_set_each_by_itself(api, service, running):
    url = f"{running.url}/v1/{service}/Configuration/Notifications"
    whole = {"account_sid": ACCOUNT_SID, "chat_service_sid": service.split("/")[1], "url": url}
    before = api.get(url).json()
    api.post(url, {"NewMessage.Enabled": "true", "NewMessage.WithMedia.Template": "${MEDIA}"})
    after = api.post(url, {"AddedToConversation.Sound": "bell", "LogEnabled": "true"})

    assert before == whole | SILENT
    assert after.status_code == 200
    assert after.json() == whole | {
        "log_enabled": True,
        "new_message": {"enabled": True, "with_media": {"template": "${MEDIA}"}},
        "added_to_conversation": {"enabled": False, "sound": "bell"},
        "removed_from_conversation": {"enabled": False},
    }
    assert api.get(url).json() == after.json()


def test_texts_and_sounds_of_notifications_have_limits(api, service):
    path = f"{service}/Configuration/Notifications"
    refused = [
        api.post(path, {"NewMessage.Template": "x" * 2_049}),
        api.post(path, {"RemovedFromConversation.Sound": "x" * 257}),
    ]

    assert codes(refused) == [(400, 50058), (400, 50059)]
    assert api.post(path, {"NewMessage.Template": "x" * 2_048}).status_code == 200


def test_an_account_has_a_configuration_from_its_beginning(api, running):
    configuration = api.get("Configuration").json()
    default = configuration["default_chat_service_sid"]

    assert configuration == {
        "account_sid": ACCOUNT_SID,
        "default_chat_service_sid": default,
        "default_messaging_service_sid": None,
        "default_inactive_timer": None,
        "default_closed_timer": None,
        "url": f"{running.url}/v1/Configuration",
        "links": {
            "service": f"{running.url}/v1/Services/{default}/Configuration",
            "webhooks": f"{running.url}/v1/Configuration/Webhooks",
        },
    }
    assert api.post("Conversations").json()["chat_service_sid"] == default
    assert api.get(configuration["links"]["service"]).status_code == 200


def test_another_service_becomes_the_default_one_at_once(api, service):
    before = api.get("Configuration").json()["default_chat_service_sid"]
    chosen = service.split("/")[1]
    answer = api.post("Configuration", DefaultChatServiceSid=chosen)
    made = api.post("Conversations").json()

    assert answer.json()["default_chat_service_sid"] == chosen == made["chat_service_sid"]
    assert api.delete(service).status_code == 409
    assert api.delete(f"Services/{before}").status_code == 204


def test_a_service_that_is_not_the_accounts_becomes_no_default(api, stranger):
    theirs = stranger.post("Services", FriendlyName="Theirs").json()["sid"]
    refused = [
        api.post("Configuration", DefaultChatServiceSid=sid) for sid in (theirs, "IS" + "f" * 32, "IS1")
    ]

    assert codes(refused) == [(400, 50050)] * 3


def test_new_conversations_get_the_accounts_defaults_unless_they_say_otherwise(api):
    before = api.post("Conversations").json()
    messaging_service = "MG" + "1" * 32
    timers = {"DefaultInactiveTimer": "PT10M", "DefaultClosedTimer": "PT1H"}
    configured = api.post("Configuration", timers | {"DefaultMessagingServiceSid": messaging_service}).json()
    after = api.post("Conversations").json()
    own = api.post("Conversations", {"Timers.Inactive": "PT20M", "Timers.Closed": ""}).json()
    api.post("Configuration", DefaultInactiveTimer="")

    assert (configured["default_inactive_timer"], configured["default_closed_timer"]) == ("PT10M", "PT1H")
    assert before["timers"] == {}
    assert after["timers"] == {
        "date_inactive": "2024-01-01T00:10:00Z",
        "date_closed": "2024-01-01T01:00:00Z",
    }
    assert after["messaging_service_sid"] == messaging_service
    assert own["timers"] == {"date_inactive": "2024-01-01T00:20:00Z"}
    assert api.get("Configuration").json()["default_inactive_timer"] is None
    assert api.get(f"Conversations/{before['sid']}").json() == before


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"DefaultInactiveTimer": "PT59S"}, 50375),
        ({"DefaultClosedTimer": "PT9M"}, 50376),
        ({"DefaultInactiveTimer": "soon"}, 50379),
        ({"DefaultClosedTimer": "soon"}, 50380),
        ({"DefaultMessagingServiceSid": "MG1"}, 50341),
    ],
)
def test_a_default_that_no_conversation_could_have_is_refused(api, form, code):
    assert codes([api.post("Configuration", form)]) == [(400, code)]
