"""onDeliveryUpdated: each change of a status is told, once and in order, whoever posted the message."""

import pytest

from tests.channels.conftest import READER
from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.both_engines


@pytest.fixture
def told(scene, service, receiver):
    """Configures the service to tell of deliveries; then what was told, in order."""
    form = {"PostWebhookUrl": receiver.url, "Filters": ["onDeliveryUpdated", "onMessageAdded"]}
    assert scene.api.request("POST", f"{service}/Configuration/Webhooks", data=form).status_code == 200
    return lambda count: [hook.parameters for hook in receiver.wait_for(count, "onDeliveryUpdated")]


def test_each_status_is_told_without_the_header_and_with_what_was_recorded(scene, told, carry, clock):
    who = scene.join(*READER)
    message = scene.post(Body="Hi")
    carry()
    scene.reached(message, "sent")
    clock.advance(seconds=1)
    scene.reached(message, "delivered")
    clock.advance(seconds=2)
    [receipt] = scene.reached(message, "read")
    common = {
        "AccountSid": ACCOUNT_SID,
        "EventType": "onDeliveryUpdated",
        "ConversationSid": message["conversation_sid"],
        "ChatServiceSid": message["chat_service_sid"],
        "MessageSid": message["sid"],
        "DeliveryReceiptSid": receipt["sid"],
        "ChannelMessageSid": receipt["channel_message_sid"],
        "ParticipantSid": who["sid"],
        "DateCreated": "2024-01-01T00:00:00.000Z",
        "RetryCount": "0",
    }

    assert told(3) == [
        common | {"Status": "sent", "DateUpdated": "2024-01-01T00:00:00.000Z"},
        common | {"Status": "delivered", "DateUpdated": "2024-01-01T00:00:01.000Z"},
        common | {"Status": "read", "DateUpdated": "2024-01-01T00:00:03.000Z"},
    ]


def test_a_failure_is_told_with_its_code(scene, told, carry):
    scene.join("+15550109610")
    scene.post(Body="Hi")
    carry()
    [parameters] = told(1)

    assert (parameters["Status"], parameters["ErrorCode"]) == ("failed", "21610")


def test_a_failure_without_a_code_is_told_without_one(scene, told, carry):
    scene.join("+15550109000")
    carry()
    [receipt] = scene.receipts(scene.post(Body="Hi"))
    where = receipt["url"].replace("/v1/", "/parlour/v1/", 1)
    reported = scene.api.post(where, Status="failed", ErrorCode="0").json()
    [parameters] = told(1)

    assert (reported["status"], reported["error_code"]) == ("failed", 0)
    assert (parameters["Status"], parameters.get("ErrorCode")) == ("failed", None)


def test_a_day_that_passes_at_once_leaves_out_no_status(scene, told, carry, clock):
    scene.join(*READER)
    message = scene.post(Body="Hi")
    carry()
    scene.reached(message, "sent")
    clock.advance(days=1)

    assert [each["Status"] for each in told(3)] == ["sent", "delivered", "read"]


def test_the_messages_of_many_recipients_are_each_told_in_order(scene, told, carry, clock, receiver):
    for place in range(10):
        scene.join(f"whatsapp:+155501000{place:02}", "whatsapp:+15550100099")
    message = scene.post(Body="Hi")
    carry()
    scene.reached(message, *["sent"] * 10)
    clock.advance(seconds=3)
    scene.reached(message, *["read"] * 10)
    statuses = {}
    for each in told(30):
        statuses.setdefault(each["DeliveryReceiptSid"], []).append(each["Status"])

    assert list(statuses.values()) == [["sent", "delivered", "read"]] * 10
    assert scene.api.get(message["url"]).json()["delivery"]["read"] == "all"
