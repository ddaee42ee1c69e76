"""The official Python client, unchanged, against the real server: all that the reference page shows."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client
from twilio.rest.content.v1.content import ContentInstance
from twilio.rest.content.v1.content.approval_create import ApprovalCreateList

from tests.servers import ACCOUNT_SID, AUTH_TOKEN

EXAMPLES = Path(__file__).parents[2] / "examples"
CREATED = datetime(2015, 12, 16, 22, 18, 37, tzinfo=UTC)
UPDATED = datetime(2015, 12, 16, 22, 18, 38, tzinfo=UTC)


def client_of(server, username=ACCOUNT_SID, password=AUTH_TOKEN):
    client = Client(username, password)
    client.conversations.base_url = client.content.base_url = server.url
    return client


@pytest.fixture
def client(serve):
    return client_of(serve())


@pytest.fixture
def messages(client):
    service = client.conversations.v1.services.create(friendly_name="Support")
    conversation = service.conversations.create(friendly_name="Room", unique_name="room")
    return client.conversations.v1.services(service.sid).conversations(conversation.sid).messages


def test_create_with_everything(messages):
    message = messages.create(
        body="Hello",
        author="message author",
        attributes='{ "importance": "high" }',
        date_created=CREATED,
        date_updated=UPDATED,
        x_twilio_webhook_enabled="true",
    )

    assert (message.body, message.author, message.index) == ("Hello", "message author", 0)
    assert message.attributes == '{ "importance": "high" }'
    assert (message.date_created, message.date_updated) == (CREATED, UPDATED)
    assert message.participant_sid is message.media is message.delivery is message.content_sid is None
    assert set(message.links) == {"delivery_receipts", "channel_metadata"}


def test_receipts_of_a_message_to_other_channels(serve):
    room = client_of(serve(simulated_delays="0 0 0")).conversations.v1.conversations
    room = room(room.create().sid)
    for number in ("whatsapp:+15550100001", "whatsapp:+15550109610"):
        room.participants.create(
            messaging_binding_address=number, messaging_binding_proxy_address="whatsapp:+15550100000"
        )
    message = room.messages.create(body="Hello")
    receipts = room.messages(message.sid).delivery_receipts
    created = message.delivery
    waited = threading.Event()
    for _ in range(1_000):
        found = room.messages(message.sid).fetch().delivery
        if (found["read"], found["failed"]) == ("some", "some"):
            break
        waited.wait(0.02)
    listed = receipts.list()

    assert created["total"] == found["total"] == 2
    assert set(list(created.values())[1:]) == {"none"}
    assert [(each.status, each.error_code) for each in listed] == [("read", 0), ("failed", 21610)]
    assert receipts(listed[0].sid).fetch().channel_message_sid == "SM" + listed[0].sid[2:]
    assert listed[0].date_updated >= listed[0].date_created


def test_create_with_nothing_without_attributes_and_with_a_subject(messages):
    nothing = messages.create()
    plain = messages.create(body="Hello", author="message author", date_created=CREATED, date_updated=CREATED)
    subject = messages.create(author="message author", body="message body", subject="message subject")

    assert (nothing.author, nothing.body, nothing.attributes) == ("system", None, "{}")
    assert (plain.attributes, plain.date_updated) == ("{}", CREATED)
    assert (subject.body, subject.index) == ("message body", 2)


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"media_sid": "ME" + "a" * 32, "author": "message author"}, 400, 50507),
        ({"content_sid": "HX" + "a" * 32, "content_variables": '{"name": "John"}'}, 404, 20404),
        ({"body": "x" * 1_601}, 400, 50504),
    ],
)
def test_a_refusal_is_the_clients_own_exception(messages, parameters, status, code):
    with pytest.raises(TwilioRestException) as refused:
        messages.create(**parameters)

    assert (refused.value.status, refused.value.code) == (status, code)


def test_fetch_update_and_delete(client, messages):
    made = messages.create(body="Hello")
    message = client.conversations.v1.services(made.chat_service_sid).conversations("room").messages(made.sid)

    assert message.fetch().body == "Hello"
    assert message.update(author="Author").author == "Author"
    assert message.update(body="edited", attributes="[]").date_updated is not None
    assert message.delivery_receipts.list() == []
    assert message.delete() is True
    with pytest.raises(TwilioRestException) as refused:
        message.fetch()
    assert (refused.value.status, refused.value.code) == (404, 20404)


def test_list_in_pages_in_both_orders_and_by_stream(messages):
    for n in range(25):
        messages.create(body=str(n))

    def bodies(found):
        return [int(message.body) for message in found]

    assert bodies(messages.list()) == list(range(25))
    assert bodies(messages.list(limit=20)) == list(range(20))
    for limit in (1_000, sys.maxsize, 10 * sys.maxsize):
        assert bodies(messages.list(limit=limit)) == list(range(25))
    assert bodies(messages.list(page_size=4, order="desc")) == list(range(24, -1, -1))
    assert bodies(messages.stream(page_size=10, limit=13)) == list(range(13))

    first = messages.page(page_size=10)
    second = first.next_page()
    assert bodies(second) == list(range(10, 20))
    assert bodies(second.previous_page()) == list(range(10))
    assert second.next_page().next_page() is None


def test_conversations_participants_and_the_default_service(client):
    room = client.conversations.v1.conversations.create(friendly_name="Room", timers_inactive="PT10M")
    alice = room.participants.create(identity="alice")
    message = room.messages.create(author="alice", body="Hi")

    assert message.participant_sid == alice.sid
    assert client.conversations.v1.conversations(room.sid).participants("alice").fetch().sid == alice.sid
    assert [each.sid for each in client.conversations.v1.conversations.list(state="active")] == [room.sid]
    assert alice.update(last_read_message_index=0).last_read_message_index == 0
    assert room.update(state="closed").state == "closed"
    assert client.conversations.v1.conversations(room.sid).delete() is True
    assert len(client.conversations.v1.services.list()) == 1


def test_wrong_credentials(serve):
    client = client_of(serve(), password="wrong")

    with pytest.raises(TwilioRestException) as refused:
        client.conversations.v1.services.create(friendly_name="Support")
    assert (refused.value.status, refused.value.code) == (401, 20003)


def test_the_example_of_the_readme_runs(launch):
    server = launch()
    credentials = {"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
    ended = subprocess.run(
        [sys.executable, EXAMPLES / "seed.py"],
        env={**os.environ, **credentials, "PARLOUR_URL": server.url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr


def content_request(client, **payload):
    made = client.content.v1.contents.create
    return made(ContentInstance.ContentCreateRequest({"language": "en", **payload}))


def test_content_is_made_listed_and_sent(client, messages):
    types = ContentInstance.Types({"twilio/text": {"body": "Hello {{name}}"}})
    content = content_request(client, friendly_name="Greeting", variables={"name": "you"}, types=types)
    message = messages.create(
        content_sid=content.sid, content_variables='{"name": "John"}', author="message author"
    )

    # What the published description answers to the same: createWithContentSid.
    assert (message.body, message.content_sid, message.media) == ("Hello John", content.sid, None)
    assert messages.create(content_sid=content.sid).body == "Hello you"
    assert [each.sid for each in client.content.v1.contents.list()] == [content.sid]
    assert client.content.v1.contents(content.sid).fetch().types == {
        "twilio/text": {"body": "Hello {{name}}"}
    }


def test_content_is_updated_approved_and_deleted(client, messages):
    types = ContentInstance.Types(
        {"twilio/quick-reply": {"body": "Tea?", "actions": [{"type": "QUICK_REPLY", "title": "Yes"}]}}
    )
    content = content_request(client, types=types)
    context = client.content.v1.contents(content.sid)
    changed = ContentInstance.Types({"twilio/text": {"body": "Tea!"}})
    assert context.update(ContentInstance.ContentUpdateRequest({"types": changed})).sid == content.sid
    approval = context.approval_create.create(
        ApprovalCreateList.ContentApprovalRequest({"name": "tea", "category": "UTILITY"})
    )

    assert approval.status == context.approval_fetch().fetch().whatsapp["status"] == "approved"
    assert messages.create(content_sid=content.sid).body == "Tea!"
    assert context.delete() is True
