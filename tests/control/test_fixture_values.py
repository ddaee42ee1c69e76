"""Values of fixtures: every scalar as it was written, given SIDs, and documents that are too much."""

import json

import pytest

from tests.hostile import is_refusal

AS_WRITTEN = [
    "12:30",
    "NO",
    "yes",
    "007",
    "7",
    "1_000",
    "0x1F",
    "1e3",
    "1.10",
    "+15550100001",
    "2024-02-03",
    "2024-02-03T04:05:06Z",
    "true",
    "=",
    "12345678901234567890123",
    ".5",
    "-.inf",
    "010",
]
DATA = """
conversations:
  - attributes:
      number: [7, -1.50, 1e3, 12345678901234567890123]
      text: [007, NO, 12:30, +1555, 2024-02-03, 2024-02-03T04:05:06Z, "7", ~x, off]
      rest: [true, false, null, ~, ]
"""


def load(control, document, content_type="application/yaml"):
    return control.request("POST", "Fixtures", data=document, headers={"Content-Type": content_type})


def conversations(api):
    return api.get("Conversations").json()["conversations"]


def test_a_scalar_is_the_text_that_was_written(api, control):
    lines = [f"{{author: {each}, body: {each}}}" for each in AS_WRITTEN]
    answer = load(control, f"conversations: [{{unique_name: 007, messages: [{', '.join(lines)}]}}]")
    messages = api.get("Conversations/007/Messages").json()["messages"]

    assert answer.status_code == 201, answer.text
    assert [each["body"] for each in messages] == AS_WRITTEN
    assert [each["author"] for each in messages] == AS_WRITTEN


def test_in_attributes_numbers_and_booleans_are_those_of_json_and_the_rest_is_text(api, control):
    assert load(control, DATA).status_code == 201
    attributes = conversations(api)[0]["attributes"]

    assert "[7, -1.50, 1e3, 12345678901234567890123]" in attributes
    assert json.loads(attributes)["text"] == [
        *["007", "NO", "12:30", "+1555", "2024-02-03", "2024-02-03T04:05:06Z", "7", "~x", "off"]
    ]
    assert json.loads(attributes)["rest"] == [True, False, None, None]


def test_in_json_numbers_keep_their_digits_too(api, control):
    document = '{"conversations": [{"friendly_name": 1.10, "attributes": {"n": 1.10, "b": true}}]}'
    assert load(control, document, "application/json").status_code == 201
    [conversation] = conversations(api)

    assert (conversation["friendly_name"], conversation["attributes"]) == ("1.10", '{"n": 1.10, "b": true}')


def test_nothing_is_what_was_not_sent(api, control):
    assert load(control, "conversations: [{friendly_name: , unique_name: ~, attributes: null}]").ok
    [conversation] = conversations(api)

    assert (conversation["friendly_name"], conversation["unique_name"]) == (None, None)


def test_anchors_and_merges_save_typing(api, control):
    document = """
    conversations:
      - &room {friendly_name: Room, messages: [&hi {body: Hi, author: alice}, *hi]}
      - {<<: *room, friendly_name: Other}
    """
    assert load(control, document).status_code == 201
    names = [each["friendly_name"] for each in conversations(api)]
    messages = [api.get(each["links"]["messages"]).json()["messages"] for each in conversations(api)]

    assert sorted(names) == ["Other", "Room"]
    assert [[each["body"] for each in some] for some in messages] == [["Hi", "Hi"]] * 2


def test_a_list_of_media_is_several_parameters(api, control):
    service = conversations_service(api)
    upload = {"data": b"x", "headers": {"Content-Type": "image/png"}}
    media = [api.request("POST", f"Services/{service}/Media", **upload).json()["sid"] for _ in range(2)]
    document = f"conversations: [{{unique_name: room, messages: [{{media_sid: [{', '.join(media)}]}}]}}]"

    assert load(control, document).status_code == 201
    [message] = api.get("Conversations/room/Messages").json()["messages"]
    assert [each["sid"] for each in message["media"]] == media


def conversations_service(api):
    return api.get("Services").json()["services"][0]["sid"]


@pytest.mark.both_engines
def test_the_sid_of_a_message_is_the_messages_alone(api, control):
    given = "IM" + "d" * 32
    binding = "messaging_binding_address: '+15550100001', messaging_binding_proxy_address: '+15550100002'"
    document = f"""
    conversations:
      - unique_name: room
        participants: [{{{binding}}}, {{{binding.replace("0001", "0003")}}}]
        messages: [{{sid: {given}, body: Hi}}]
    """
    answer = load(control, document)
    receipts = api.get(f"Conversations/room/Messages/{given}/Receipts").json()["delivery_receipts"]

    assert answer.status_code == 201, answer.text
    assert len(receipts) == 2
    assert len({each["sid"][2:] for each in receipts} | {given[2:]}) == 3
    assert all(each["sid"].startswith("DY") for each in receipts)


@pytest.mark.both_engines
def test_a_seed_never_makes_a_sid_that_a_fixture_has_given(api, control):
    control.post("Reset", seed=1)
    given = [f"CH{1:016x}{number:016x}" for number in (1, 3)]
    made = control.post("Fixtures", conversations=[{"sid": given[0]}, {}, {"sid": given[1]}])["conversations"]
    control.post("Snapshots", name="given")
    following = api.post("Conversations").json()["sid"]
    assert control.request("POST", "Snapshots/given").status_code == 204

    assert [each["sid"][-1] for each in made] == ["1", "2", "3"]
    assert following[-1] == "4"
    assert api.post("Conversations").json()["sid"] == following


LAUGHS = "conversations:\n- friendly_name: &a0 x\n  attributes:\n" + "".join(
    f"    a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(9)
)
TOO_MUCH = {
    "open lists": ("conversations: " + "[" * 100_000, "is not YAML"),
    "deep lists": (
        "conversations: [{attributes: " + "[" * 200 + "]" * 200 + "}]",
        "is nested deeper than 100",
    ),
    "lists in a block": ("- " * 100_000, "is nested deeper than 100"),
    "mappings": ("{a: " * 100_000, "is "),
    "laughs": (LAUGHS, "holds more than 1,000,000 values"),
    "a circle": ("conversations: [{attributes: &a [*a]}]", "has an alias before its anchor in line 1"),
    "two documents": ("--- {}\n--- {}", "holds more than one document"),
    "a tag": ("conversations: [!!python/object:os.system {}]", "has a tag in line 1"),
    "a date": ("conversations: [{friendly_name: !!timestamp 2024-01-01}]", "has a tag in line 1"),
    "a name that is none": ("{[a]: b}", "has a name that is not text in line 1"),
    "a merge of nothing": ("{<<: a}", "merges what is not a mapping in line 1"),
    "a NUL": ('conversations: [{friendly_name: "\\0"}]', "holds a NUL character"),
    "a surrogate": ('conversations: [{friendly_name: "\\uD800"}]', "is not YAML"),
    "a byte": (b"conversations: [{friendly_name: \xff}]", "is not UTF-8"),
    "a control character": ("conversations: [{friendly_name: \x01}]", "is not YAML"),
}


def test_a_document_that_is_too_much_is_refused(api, control):
    for name, (document, reason) in TOO_MUCH.items():
        answer = load(control, document)
        assert is_refusal(answer), (name, answer.text)
        assert f"the document {reason}" in answer.json()["message"], name

    assert conversations(api) == []


TOO_MUCH_JSON = [
    (b"[" * 100_000, "is nested deeper than 100 levels"),
    (
        b'{"conversations": [{"attributes": ' + b"[" * 200 + b"]" * 200 + b"}]}",
        "is nested deeper than 100",
    ),
    (b'{"conversations": [{"friendly_name": "\\u0000"}]}', "holds a NUL character"),
    (b'{"conversations": [{"friendly_name": "\\ud800"}]}', "holds half of a surrogate pair"),
    (b'{"conversations": [{"a\\u0000": 1}]}', "holds a NUL character"),
    (b'{"conversations": "\xff"}', "is not UTF-8"),
    (b'{"conversations": [{"attributes": NaN}]}', "is not JSON: it has no NaN"),
    (b'{"conversations": ', "is not JSON: see line 1, column 19"),
]


def test_json_that_is_too_much_is_refused(api, control):
    for document, reason in TOO_MUCH_JSON:
        answer = load(control, document, "application/json")
        assert is_refusal(answer), answer.text
        assert f"the document {reason}" in answer.json()["message"]

    assert conversations(api) == []


def test_a_name_that_is_not_known_is_told_cut(control):
    document = json.dumps({"conversations": [{"x" * 100_000: 1}]})
    message = load(control, document, "application/json").json()["message"]

    assert message.endswith(f"there is no field {'x' * 64}…")
