"""Fixtures: services, conversations, participants and messages in one call."""

import pytest

pytestmark = pytest.mark.both_engines

ROOM = "CH" + "b" * 32
YAML = """
services:
  - sid: ISaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    friendly_name: Support
    conversations:
      - sid: CHbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        unique_name: help
        attributes: {floor: 3}
        timers_inactive: PT1H
        participants:
          - identity: alice
          - messaging_binding_address: "+15550100001"
            messaging_binding_proxy_address: "+15550100002"
        messages:
          - sid: IMcccccccccccccccccccccccccccccccc
            author: alice
            body: Hello
            date_created: 2015-12-16T22:18:37Z
          - author: "+15550100001"
            body: Hi
conversations:
  - UniqueName: lobby
    date_created: 2024-02-03
"""


def load(control, document, content_type="application/yaml"):
    return control.request("POST", "Fixtures", data=document, headers={"Content-Type": content_type})


def test_all_that_a_document_tells_is_made_in_one_call(api, control):
    answer = load(control, YAML)
    [service], [lobby] = answer.json()["services"], answer.json()["conversations"]
    [room] = service["conversations"]
    path = f"Services/{service['sid']}/Conversations/help"

    assert answer.status_code == 201
    assert (service["sid"], room["sid"]) == ("IS" + "a" * 32, "CH" + "b" * 32)
    conversation = api.get(path).json()
    assert (conversation["sid"], conversation["attributes"]) == (room["sid"], '{"floor": 3}')
    messages = api.get(f"{path}/Messages").json()["messages"]
    assert [each["body"] for each in messages] == ["Hello", "Hi"]
    assert [each["sid"] for each in messages] == [each["sid"] for each in room["messages"]]
    assert [each["participant_sid"] for each in messages] == [each["sid"] for each in room["participants"]]
    assert messages[0]["date_created"] == "2015-12-16T22:18:37Z"
    assert api.get(f"Conversations/{lobby['sid']}").json()["unique_name"] == "lobby"
    assert api.post(f"{path}/Messages").json()["index"] == 2


def test_json_is_taken_too(api, control):
    assert control.post("Fixtures", conversations=[{"friendly_name": "Room"}])["conversations"][0]["sid"]
    assert [each["friendly_name"] for each in api.get("Conversations").json()["conversations"]] == ["Room"]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (
            "conversations: [{unique_nam: lobby}]",
            "conversations[0]: Invalid request: there is no field unique_nam",
        ),
        ("rooms: []", "the document has no rooms"),
        ("conversations: {}", "conversations of the document must be a list"),
        ("conversations: [lobby]", "conversations[0] must be a mapping"),
        (
            "conversations: [{unique_name: a}, {unique_name: a}]",
            "conversations[1]: Conversation with provided",
        ),
        ("conversations: [{messages: [{body: a}, {sid: IM1}]}]", "messages[1]: "),
        (
            f"conversations: [{{sid: {ROOM}}}, {{sid: {ROOM}}}]",
            "exists",
        ),
        ("services: [{}]", "services[0]: Missing required parameter FriendlyName"),
        ("{", "the document is not YAML: see line 2, column 1"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_made(api, control, document, reason):
    answer = load(control, document)

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
    assert reason in answer.json()["message"]
    assert api.get("Conversations").json()["conversations"] == []
