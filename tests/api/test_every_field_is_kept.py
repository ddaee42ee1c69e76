"""Every field that a request may set, of every resource, is stored, shown, listed, updated and exported."""

import json
from urllib.parse import urlsplit

import pytest

from parlour import resources
from parlour.api.body import AS_JSON
from parlour.resources.accounts import Account
from parlour.resources.approvals import Approval
from parlour.resources.content import Content
from parlour.resources.conversation_webhooks import ConversationWebhook
from parlour.resources.conversation_with_participants import ConversationWithParticipants
from parlour.resources.conversations import Conversation
from parlour.resources.default_roles import CHANNEL_ADMIN, SERVICE_ADMIN, Role, default_role_sid
from parlour.resources.messages import Message
from parlour.resources.notifications import Notifications
from parlour.resources.participants import Participant
from parlour.resources.service_configuration import ServiceConfiguration
from parlour.resources.services import Service
from parlour.resources.webhook_targets import AccountWebhooks, ServiceWebhooks
from parlour.wire.field_options import AcceptedOn, FieldOption
from parlour.wire.resource import accepted_fields, fields_of
from tests.commands import run

pytestmark = pytest.mark.core

SERVICE, ROOM = "/v1/Services/{IS}", "/v1/Services/{IS}/Conversations/{CH}"
# Where each resource that can be written is made; a resource that is missing here has to say.
PLACES = {
    Service: "/v1/Services",
    Conversation: f"{SERVICE}/Conversations",
    ConversationWithParticipants: f"{SERVICE}/ConversationWithParticipants",
    Message: f"{ROOM}/Messages",
    Participant: f"{ROOM}/Participants",
    ConversationWebhook: f"{ROOM}/Webhooks",
    AccountWebhooks: "/v1/Configuration/Webhooks",
    ServiceWebhooks: f"{SERVICE}/Configuration/Webhooks",
    Content: "/v1/Content",
    Approval: "/v1/Content/{HX}/ApprovalRequests/whatsapp",
    Account: "/v1/Configuration",
    ServiceConfiguration: f"{SERVICE}/Configuration",
    Notifications: f"{SERVICE}/Configuration/Notifications",
    Role: f"{SERVICE}/Roles",
}
# Those without a SID of their own, and whose SID they have.
SINGLETONS = {
    Account: "account_sid",
    AccountWebhooks: "account_sid",
    Notifications: "chat_service_sid",
    ServiceConfiguration: "chat_service_sid",
    ServiceWebhooks: "chat_service_sid",
}
# What is written by another's path, and tested where that is: inbound messages and reports of channels.
ELSEWHERE = {"InboundMessage", "ReportedReceipt"}
BY_TYPE = {"string": "some text", "integer": "7", "object": "{}", "array": '["x"]', "boolean": "true"}
# Where a text of any kind will not do. Lists are of one value.
SAMPLES = {
    "Attributes": '{"a":1}',
    "Bindings.Email.Address": "support@example.org",
    "Configuration.Filters": "onMessageAdded",
    "Configuration.FlowSid": "FW" + "1" * 32,
    "Configuration.Method": "get",
    "Configuration.ReplayAfter": "0",
    "Configuration.Triggers": "help",
    "Configuration.Url": "https://example.com/hook",
    "DateCreated": "2020-01-02T03:04:05Z",
    "DateUpdated": "2021-01-02T03:04:05Z",
    "Filters": "onMessageAdded",
    "LastReadMessageIndex": "3",
    "LastReadTimestamp": "2022-01-02T03:04:05Z",
    "MessagingBinding.Address": "+15550100001",
    "MessagingBinding.ProxyAddress": "+15550100002",
    "DefaultClosedTimer": "PT20M",
    "DefaultInactiveTimer": "PT10M",
    "DefaultMessagingServiceSid": "MG" + "1" * 32,
    "MessagingServiceSid": "MG" + "1" * 32,
    "Method": "GET",
    "PostWebhookUrl": "https://example.com/post",
    "PreWebhookUrl": "https://example.com/pre",
    "Participant": '{"identity":"alice"}',
    "Permission": "sendMessage",
    "State": "inactive",
    "Target": "webhook",
    "Timers.Closed": "PT20M",
    "Timers.Inactive": "PT10M",
    "Type": "service",
    "category": '"UTILITY"',
    "friendly_name": '"A name"',
    "language": '"en"',
    "name": '"approved"',
    "types": '{"twilio/text": {"body": "Hi"}}',
    "variables": '{"1": "one"}',
}
# What is named by the SID of what else there is in the service of the test.
IN_THE_SERVICE = {
    "DefaultChatServiceRoleSid": lambda service_sid: default_role_sid(service_sid, SERVICE_ADMIN),
    "DefaultChatServiceSid": lambda service_sid: service_sid,
    "DefaultConversationCreatorRoleSid": lambda service_sid: default_role_sid(service_sid, CHANNEL_ADMIN),
    "DefaultConversationRoleSid": lambda service_sid: default_role_sid(service_sid, CHANNEL_ADMIN),
    "RoleSid": lambda service_sid: default_role_sid(service_sid, CHANNEL_ADMIN),
}
# Fields that exclude others, or that need what a test of their own makes.
CREATE_WITHOUT = {
    # Joining makes it active, and another one of the test has the name.
    ConversationWithParticipants: {"State", "UniqueName"},
    Message: {"MediaSid", "ContentSid", "ContentVariables"},
    Participant: {"Identity", "MessagingBinding.ProjectedAddress"},
    ConversationWebhook: {"Configuration.Triggers", "Configuration.FlowSid"},
}
UPDATE_WITHOUT = {
    Participant: {"Identity", "MessagingBinding.ProxyAddress", "MessagingBinding.ProjectedAddress"},
    ConversationWebhook: {"Configuration.Triggers", "Configuration.FlowSid"},
}
OPERATIONS = [
    (collection, operation)
    for collection in resources.ALL
    for operation in collection.operations
    if operation.accepts and operation.writes and collection.resource.__name__ not in ELSEWHERE
]


def sample(field, world):
    if field.wire_name in IN_THE_SERVICE:
        return IN_THE_SERVICE[field.wire_name](world["IS"])
    if field.wire_name in SAMPLES:
        return SAMPLES[field.wire_name]
    return BY_TYPE[field.type.schema["type"]]


def fields_to_send(resource, on, without):
    return {
        name: field
        for name, field in accepted_fields(resource, on).items()
        if name not in without.get(resource, ())
    }


def send(api, collection, path, fields, world):
    values = {name: sample(field, world) for name, field in fields.items()}
    if collection.encoding is AS_JSON:
        document = {name: json.loads(value) for name, value in values.items()}
        method = "PUT" if collection.resource is Content and path.count("/") == 3 else "POST"
        return api.request(method, f"{api.url}{path}", json=document)
    return api.request("POST", f"{api.url}{path}", data=values)


def shown(field, world):
    """What a body holds of a field."""
    raw = sample(field, world)
    value = field.type.read([raw] if field.type.repeated else raw)
    show = field.type.show
    return value if show is None or value is None else json.loads(json.dumps(show(value), default=as_json))


def as_json(raw):
    return json.loads(bytes(raw))


def ensure_kept(running, resource, answer, fields, world):
    """The row holds every value that was sent; the body shows those that it has a place for."""
    row = running.in_database(lambda tx: find(tx, resource, answer))
    stored = {field.name for field in fields_of(resource)}
    for field in fields.values():
        if field.name not in stored:
            continue
        raw = sample(field, world)
        expected = field.type.read([raw] if field.type.repeated else raw)
        assert getattr(row, field.name) == expected, field.wire_name
        if FieldOption.HIDDEN not in field.options:
            assert answer[field.name] == shown(field, world), field.wire_name


def find(tx, resource, answer):
    if resource is Approval:
        [(sid,)] = tx.select("SELECT sid FROM content_approvals")
        return tx.find(resource, sid=sid)
    if resource in SINGLETONS:
        return tx.find(resource, sid=answer[SINGLETONS[resource]])
    return tx.find(resource, **{name: answer[name] for name in resource.key})


@pytest.fixture
def world(api, service):
    """The SIDs that paths need, and one of each resource to update."""
    room = api.post(f"{service}/Conversations").json()
    content = {"language": "en", "types": {"twilio/text": {"body": "Hi"}}}
    return {
        "IS": room["chat_service_sid"],
        "CH": room["sid"],
        "HX": api.request("POST", "Content", json=content).json()["sid"],
    }


def make_one(api, collection, world):
    path = PLACES[collection.resource].format_map(world)
    fields = fields_to_send(collection.resource, AcceptedOn.CREATE, CREATE_WITHOUT)
    answer = send(api, collection, path, fields, world)
    assert answer.ok, answer.text
    return path, fields, answer.json()


def test_every_resource_that_can_be_written_is_tried():
    assert {collection.resource for collection, _ in OPERATIONS} == set(PLACES)


@pytest.mark.parametrize(
    "collection",
    [each for each, operation in OPERATIONS if operation.accepts & AcceptedOn.CREATE],
    ids=lambda c: c.key,
)
def test_a_field_of_a_new_resource_is_kept_and_shown(running, api, world, collection):
    path, fields, made = make_one(api, collection, world)

    ensure_kept(running, collection.resource, made, fields, world)
    if any(operation.is_list for operation in collection.operations):
        assert api.get(made["url"]).json() == made
        assert made in api.get(f"{api.url}{path}").json()[collection.key]


@pytest.mark.parametrize(
    "collection",
    [each for each, operation in OPERATIONS if operation.accepts & AcceptedOn.UPDATE],
    ids=lambda c: c.key,
)
def test_a_field_that_is_updated_is_kept_and_shown(running, api, world, collection):
    resource = collection.resource
    path = PLACES[resource].format_map(world)
    if any(operation.accepts & AcceptedOn.CREATE for operation in collection.operations):
        # Without what the update is to set.
        required = {
            name: field
            for name, field in fields_to_send(resource, AcceptedOn.CREATE, CREATE_WITHOUT).items()
            if FieldOption.REQUIRED in field.options
            or name.startswith(("MessagingBinding.", "Configuration."))
        }
        path = urlsplit(send(api, collection, path, required, world).json()["url"]).path
    fields = fields_to_send(resource, AcceptedOn.UPDATE, UPDATE_WITHOUT)
    answer = send(api, collection, path, fields, world)

    assert answer.status_code == 200, answer.text
    ensure_kept(running, resource, answer.json(), fields, world)


def test_every_field_survives_an_export_and_an_import(running, api, world, tmp_path, storage):
    made = []
    for collection, operation in OPERATIONS:
        if operation.accepts & AcceptedOn.CREATE:
            made.append(make_one(api, collection, world)[2])
    exported = run(tmp_path, "export", "all.jsonl", "--database", storage.setting)
    (tmp_path / "there").mkdir()
    imported = run(tmp_path, "import", "all.jsonl", "--database", "there/parlour.db")
    again = run(tmp_path, "export", "again.jsonl", "--database", "there/parlour.db")

    assert [each.returncode for each in (exported, imported, again)] == [0, 0, 0], imported.stderr
    assert rows_of(tmp_path / "all.jsonl") == rows_of(tmp_path / "again.jsonl")
    written = (tmp_path / "all.jsonl").read_text()
    assert [each["sid"] for each in made if "sid" in each and each["sid"] not in written] == []


def rows_of(path):
    """The rows of an export. Versions rise when rows are added to a conversation, by an import too."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [(line["table"], line["row"]) for line in lines if "row" in line]
    return [(table, {name: row[name] for name in row if name != "version"}) for table, row in rows]
