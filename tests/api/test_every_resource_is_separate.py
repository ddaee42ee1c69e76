"""Every operation that is declared, tried by a stranger: what others have is as what does not exist."""

import re

import pytest

from parlour import resources
from parlour.api.body import AS_JSON
from parlour.api.collection import ALONE, IN_SERVICE
from parlour.resources.accounts import Account
from parlour.resources.approvals import Approval, Approvals
from parlour.resources.channel_metadata import ChannelMetadata
from parlour.resources.content import Content
from parlour.resources.content_lists import ContentAndApproval, LegacyContent
from parlour.resources.conversation_webhooks import ConversationWebhook
from parlour.resources.conversation_with_participants import ConversationWithParticipants
from parlour.resources.conversations import Conversation
from parlour.resources.default_roles import Role
from parlour.resources.inbound import InboundMessage
from parlour.resources.media import Media, MediaSet
from parlour.resources.messages import Message
from parlour.resources.notifications import Notifications
from parlour.resources.participants import Participant
from parlour.resources.receipts import Receipt
from parlour.resources.reports import ReportedReceipt
from parlour.resources.service_configuration import ServiceConfiguration
from parlour.resources.services import Service
from parlour.resources.webhook_targets import AccountWebhooks, ServiceWebhooks
from parlour.webhooks.outbox import WebhookDelivery
from parlour.wire.field_options import AcceptedOn
from parlour.wire.resource import required_fields
from tests.files import upload

pytestmark = pytest.mark.both_engines

PHONE, PROXY = "+15550100001", "+15550100002"
BINDING = {"MessagingBinding.Address": PHONE, "MessagingBinding.ProxyAddress": PROXY}
TEMPLATE = {"language": "en", "types": {"twilio/text": {"body": "Hi"}}}
# What a parameter that must be sent may hold.
VALUES = {
    "FriendlyName": "Ours",
    "From": PHONE,
    "To": PROXY,
    "Permission": "sendMessage",
    "Target": "webhook",
    "Type": "conversation",
    "category": "UTILITY",
    "name": "approved",
    "command": "get",
    "list": [],
    **TEMPLATE,
}
# What the SID at the end of a path is called in `furnish`; a resource that is missing here has to say.
ITEMS = {
    Service: "IS",
    Conversation: "CH",
    ConversationWithParticipants: "CH",
    Message: "IM",
    Participant: "MB",
    Receipt: "DY",
    ReportedReceipt: "DY",
    ConversationWebhook: "WH",
    WebhookDelivery: "WD",
    Content: "HX",
    Approvals: "HX",
    ContentAndApproval: "HX",
    LegacyContent: "HX",
    Role: "RL",
    # These have no SID of their own in their paths.
    Approval: None,
    ChannelMetadata: None,
    Account: None,
    AccountWebhooks: None,
    Notifications: None,
    ServiceConfiguration: None,
    ServiceWebhooks: None,
    InboundMessage: None,
    Media: "ME",
    MediaSet: None,
}
# What else one needs to be made.
MORE = {
    Participant: {"Identity": "bob"},
    ConversationWebhook: {
        "Configuration.Url": "http://127.0.0.1:9/",
        "Configuration.Filters": "onMessageAdded",
    },
}
NAMES = {"ChatServiceSid": "IS", "ConversationSid": "CH", "MessageSid": "IM", "ContentSid": "HX"}
OPERATIONS = [
    pytest.param(operation, prefix, id=f"{operation.method} {prefix}{operation.path}")
    for collection in resources.ALL
    for operation in collection.operations
    for prefix in collection.prefixes
]


def furnish(api, service):
    """One of each resource, in a service or in the account's default one; their SIDs."""
    prefix = "" if service is None else f"{service}/"
    hooked = {"X-Twilio-Webhook-Enabled": "true"}
    api.post("Configuration/Webhooks", PostWebhookUrl="http://127.0.0.1:9/", Filters="onConversationAdded")
    named = {"UniqueName": "the room"}
    room = api.request("POST", f"{prefix}Conversations", headers=hooked, data=named).json()
    links = room["links"]
    participant = api.post(links["participants"], BINDING).json()
    message = api.post(links["messages"], Author="alice", Body="Hi").json()
    webhook = {"Target": "webhook", "Configuration.Url": "http://127.0.0.1:9/"}
    webhook = api.post(links["webhooks"], webhook | {"Configuration.Filters": "onMessageAdded"}).json()
    receipt = api.get(message["links"]["delivery_receipts"]).json()["delivery_receipts"][0]
    delivery = api.get(f"{api.url}/parlour/v1/WebhookDeliveries").json()["webhook_deliveries"][0]
    content = api.request("POST", "Content", json=TEMPLATE).json()
    role = {"FriendlyName": "guest", "Type": "conversation", "Permission": "sendMessage"}
    role = api.post(f"{prefix}Roles", role).json()
    media = upload(api, f"Services/{room['chat_service_sid']}").json()
    made = [room, participant, message, webhook, receipt, delivery, content, media, role]
    return {each["sid"][:2]: each["sid"] for each in made} | {"IS": room["chat_service_sid"]}


def form_of(operation):
    fields = required_fields(operation.collection.resource, operation.accepts)
    missing = [each.wire_name for each in fields if each.wire_name not in VALUES]
    assert missing == [], "say in VALUES what these parameters may hold"
    return {each.wire_name: VALUES[each.wire_name] for each in fields}


def send(caller, operation, prefix, sids, more=None):
    names = NAMES | {"Sid": ITEMS[operation.collection.resource]}
    path = re.sub(r"{(\w+)}", lambda match: sids[names[match[1]]], prefix + operation.path)
    body = form_of(operation) | (more or {}) if operation.accepts else None
    sent = {"json": body} if operation.collection.encoding is AS_JSON and body else {"data": body}
    return caller.request(operation.method, f"{caller.url}{path}", **sent)


def everything(api, sids):
    """All that there is of what was furnished, but for the times of media links."""
    room = f"Services/{sids['IS']}/Conversations/{sids['CH']}"
    parts = ("", "/Participants", "/Messages", "/Webhooks", f"/Messages/{sids['IM']}/Receipts")
    service = f"Services/{sids['IS']}"
    parts_of_service = ("Roles", "Configuration", "Configuration/Notifications")
    paths = [f"{room}{part}" for part in parts] + [f"{service}/{part}" for part in parts_of_service]
    paths += [f"Content/{sids['HX']}", "Services", "Conversations", "Configuration"]
    return [api.get(path).json() for path in paths]


def blank(text, *worlds):
    for sids in worlds:
        for prefix, sid in sids.items():
            text = text.replace(sid, prefix)
    return text


@pytest.mark.parametrize(("operation", "prefix"), OPERATIONS)
def test_what_one_account_has_is_not_there_for_another(api, stranger, service, operation, prefix):
    assert operation.collection.resource in ITEMS, "say in ITEMS, and in `furnish`, how one is made"
    theirs = furnish(api, None if prefix == ALONE else service)
    nothing = {each: each + "f" * 32 for each in theirs}
    before = everything(api, theirs)

    answer = send(stranger, operation, prefix, theirs)
    unknown = send(stranger, operation, prefix, nothing)

    assert answer.status_code == unknown.status_code
    assert blank(answer.text, theirs, nothing) == blank(unknown.text, theirs, nothing) or answer.ok
    if "{" in prefix + operation.path:
        assert answer.status_code == 404
    else:
        # A list, or a resource, of the stranger's own account.
        assert [sid for sid in theirs.values() if sid in answer.text] == []
    assert everything(api, theirs) == before


@pytest.mark.parametrize(
    ("operation", "prefix"),
    [each for each in OPERATIONS if each.values[0].method == "GET" and each.values[0].on_item],
)
def test_an_item_is_found_where_it_is_and_nowhere_else(api, service, operation, prefix):
    """Otherwise the test above may have asked for what nobody has."""
    sids = furnish(api, None if prefix == ALONE else service)
    elsewhere = api.post(f"Services/{sids['IS']}/Conversations").json()["sid"]

    assert send(api, operation, prefix, sids).ok or ITEMS[operation.collection.resource] is None
    if "{ConversationSid}" in operation.path:
        assert send(api, operation, prefix, sids | {"CH": elsewhere}).status_code == 404


@pytest.mark.parametrize(
    ("operation", "prefix"),
    [
        each
        for each in OPERATIONS
        if each.values[0].accepts & AcceptedOn.CREATE and "{ConversationSid}" in each.values[0].path
    ],
)
def test_what_is_made_in_a_conversation_by_its_name_is_there_by_its_sid(api, service, operation, prefix):
    sids = furnish(api, None if prefix == ALONE else service)
    more = MORE.get(operation.collection.resource)
    made = send(api, operation, prefix, sids | {"CH": "the room"}, more).json()

    assert made["conversation_sid"] == sids["CH"]
    listed = api.get(made["url"].rpartition("/")[0]).json()[operation.collection.key]
    assert made["sid"] in {each["sid"] for each in listed}


def test_every_resource_that_is_served_is_tried():
    assert {collection.resource for collection in resources.ALL} == set(ITEMS)
    assert IN_SERVICE in {operation.values[1] for operation in OPERATIONS}
