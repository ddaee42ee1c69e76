"""…/Roles, and the roles that services and participants have from their beginning."""

import pytest

from parlour.resources.default_roles import DEFAULT_ROLES, PERMISSIONS, complete_services
from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.both_engines

GUEST = {"FriendlyName": "guest", "Type": "conversation", "Permission": ["sendMessage", "leaveConversation"]}
NOBODY = "RL" + "f" * 32


def roles_of(api, service):
    return {role["friendly_name"]: role for role in api.get(f"{service}/Roles").json()["roles"]}


def test_a_new_service_has_four_roles_of_which_three_are_given(api, service):
    roles = roles_of(api, service)
    configuration = api.get(f"{service}/Configuration").json()

    assert {name: (role["type"], tuple(role["permissions"])) for name, role in roles.items()} == {
        name: (kind, permissions) for name, kind, permissions in DEFAULT_ROLES.values()
    }
    assert configuration["default_conversation_creator_role_sid"] == roles["channel admin"]["sid"]
    assert configuration["default_conversation_role_sid"] == roles["channel user"]["sid"]
    assert configuration["default_chat_service_role_sid"] == roles["service user"]["sid"]


def test_a_new_role_has_what_was_sent(api, service, running):
    answer = api.post(f"{service}/Roles", GUEST)
    role = answer.json()

    assert answer.status_code == 201
    assert role == {
        "sid": role["sid"],
        "account_sid": ACCOUNT_SID,
        "chat_service_sid": service.split("/")[1],
        "friendly_name": "guest",
        "type": "conversation",
        "permissions": ["sendMessage", "leaveConversation"],
        "date_created": "2024-01-01T00:00:00Z",
        "date_updated": "2024-01-01T00:00:00Z",
        "url": f"{running.url}/v1/{service}/Roles/{role['sid']}",
    }
    assert api.get(role["url"]).json() == role
    assert roles_of(api, service)["guest"] == role


def test_every_permission_may_be_given_once_in_any_case(api, service):
    sent = [name.upper() for name in PERMISSIONS] + [PERMISSIONS[0]]
    role = api.post(f"{service}/Roles", GUEST | {"Permission": sent, "Type": "SERVICE"}).json()

    assert role["permissions"] == list(PERMISSIONS)
    assert role["type"] == "service"


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"FriendlyName": None}, 20001, "Missing required parameter FriendlyName in the post body"),
        ({"Type": None}, 20001, "Missing required parameter Type in the post body"),
        ({"Permission": None}, 20001, "Missing required parameter Permission in the post body"),
        ({"FriendlyName": "x" * 257}, 50003, "Friendly name too long"),
        ({"Type": "channel"}, 50105, "Invalid role type"),
        ({"Permission": ["sendMessage", "fly"]}, 50104, "Permission not found"),
    ],
)
def test_a_role_that_cannot_be_is_refused(api, service, changes, code, message):
    before = roles_of(api, service)
    answer = api.post(f"{service}/Roles", GUEST | changes)

    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (400, code, message)
    assert roles_of(api, service) == before


def test_an_update_replaces_all_permissions_and_nothing_else(api, service, clock):
    role = api.post(f"{service}/Roles", GUEST).json()
    clock.advance(minutes=1)
    answer = api.post(role["url"], Permission="editOwnMessage", FriendlyName="other", Type="service")

    assert answer.status_code == 200
    changed = {"permissions": ["editOwnMessage"], "date_updated": "2024-01-01T00:01:00Z"}
    assert answer.json() == role | changed
    assert api.get(role["url"]).json() == answer.json()


def test_an_update_without_permissions_is_refused(api, service):
    role = api.post(f"{service}/Roles", GUEST).json()
    answer = api.post(role["url"], FriendlyName="other")

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
    assert answer.json()["message"] == "Missing required parameter Permission in the post body"


def test_a_role_is_deleted_unless_the_service_gives_it(api, service):
    role = api.post(f"{service}/Roles", GUEST).json()
    api.post(f"{service}/Configuration", DefaultConversationRoleSid=role["sid"])
    refused = api.delete(role["url"])
    given = roles_of(api, service)["channel user"]
    api.post(f"{service}/Configuration", DefaultConversationRoleSid=given["sid"])
    deleted = api.delete(role["url"])

    assert (refused.status_code, refused.json()["code"]) == (409, 20409)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert api.get(role["url"]).status_code == 404
    assert api.delete(given["url"]).status_code == 409


def test_a_participant_has_a_role_of_its_conversations_service(api, service, room):
    guest = api.post(f"{service}/Roles", GUEST).json()
    for_services = roles_of(api, service)["service user"]
    elsewhere = api.post("Roles", GUEST).json()
    given = api.post(f"{room}/Participants", Identity="alice", RoleSid=guest["sid"])
    refused = [
        api.post(f"{room}/Participants", Identity="bob", RoleSid=sid)
        for sid in (for_services["sid"], elsewhere["sid"], NOBODY)
    ]
    changed = api.post(given.json()["url"], RoleSid=NOBODY)

    assert given.json()["role_sid"] == guest["sid"]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [
        (400, 50105),
        (400, 50109),
        (400, 50109),
    ]
    assert (changed.status_code, changed.json()["code"]) == (400, 50109)


def test_a_new_participant_gets_the_role_that_its_service_gives(api, service, room):
    before = api.post(f"{room}/Participants", Identity="alice").json()
    guest = api.post(f"{service}/Roles", GUEST).json()
    api.post(f"{service}/Configuration", DefaultConversationRoleSid=guest["sid"])
    after = api.post(f"{room}/Participants", Identity="bob").json()

    assert before["role_sid"] == roles_of(api, service)["channel user"]["sid"]
    assert after["role_sid"] == guest["sid"]
    assert api.get(before["url"]).json() == before


def test_what_an_earlier_version_made_has_roles_too(api, service, room, running):
    participant = api.post(f"{room}/Participants", Identity="alice").json()
    roles = roles_of(api, service)

    def as_before(tx):
        tx.execute("DELETE FROM roles")
        tx.execute("UPDATE participants SET role_sid = NULL WHERE conversation_sid = ?", room.split("/")[3])
        tx.discard()

    running.in_database(as_before)
    shown = api.get(f"{room}/Participants/{participant['sid']}?now").json()
    running.in_database(complete_services)

    assert shown["role_sid"] == participant["role_sid"]
    assert roles_of(api, service) == roles


def test_roles_go_with_their_service(api, service, running):
    api.post(f"{service}/Roles", GUEST)
    assert api.delete(service).status_code == 204

    sid = service.split("/")[1]
    left = running.in_database(lambda tx: tx.select("SELECT sid FROM roles WHERE chat_service_sid = ?", sid))
    assert left == []
