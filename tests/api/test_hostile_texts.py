"""Every door that is declared refuses the same hostile texts: each parameter of each path, of each encoding.

The doors come from the declarations, as /openapi.json does: a parameter that is added is tested with them.
"""

import json
from itertools import product

import pytest

from parlour import resources
from parlour.api.body import JSON
from parlour.api.collection import IN_SERVICE
from parlour.store import dump
from parlour.wire.resource import accepted_fields
from tests.files import upload
from tests.hostile import BYTES, ESCAPES, FEW_BYTES, IN_JSON, is_refusal, percent_encoded, tainted

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
OPERATIONS = [
    (collection.prefixes[-1], operation)
    for collection in resources.ALL
    for operation in collection.operations
]
# What must be sent with the parameter that is tried, so that it is not refused for its lack.
NEEDED = {
    "POST /Services": {"FriendlyName": "x"},
    "POST /Roles": {"FriendlyName": "x", "Type": "service", "Permission": "sendMessage"},
    "POST /Roles/{Sid}": {"Permission": "sendMessage"},
    "POST /Conversations/{ConversationSid}/Webhooks": {
        "Target": "webhook",
        "Configuration.Url": "http://localhost/",
        "Configuration.Filters": "onMessageAdded",
    },
    "POST /Conversations/{ConversationSid}/Participants": {"Identity": "bob"},
    "POST /Conversations/{ConversationSid}/Messages/{Sid}": {"Body": "x"},
    "POST /Inbound": {"From": "+15550100001", "To": "+15550100002"},
    "POST /Content": {"language": "en", "types": {"twilio/text": {"body": "x"}}},
    "POST /MediaSet": {"command": "get", "list": []},
    "PUT /Content/{Sid}": {"types": {"twilio/text": {"body": "x"}}},
    "POST /Content/{ContentSid}/ApprovalRequests/whatsapp": {"name": "x", "category": "UTILITY"},
}


@pytest.fixture
def world(api, service, room):
    """The SIDs that paths name, by the name of their place; `Sid` by the collection."""
    binding = {"MessagingBinding.Address": "+15550100001", "MessagingBinding.ProxyAddress": "+15550100002"}
    assert api.post(f"{room}/Participants", binding).status_code == 201
    participant = api.post(f"{room}/Participants", Identity="alice").json()["sid"]
    message = api.post(f"{room}/Messages", Body="x").json()
    [receipt] = api.get(f"{room}/Messages/{message['sid']}/Receipts").json()["delivery_receipts"]
    webhook = api.post(f"{room}/Webhooks", NEEDED["POST /Conversations/{ConversationSid}/Webhooks"]).json()
    content = api.request("POST", "Content", json=NEEDED["POST /Content"]).json()["sid"]
    [delivery] = api.get(f"{api.url}/parlour/v1/WebhookDeliveries").json()["webhook_deliveries"]
    conversation = room.rpartition("/")[2]
    return {
        "ChatServiceSid": service.rpartition("/")[2],
        "ConversationSid": conversation,
        "MessageSid": message["sid"],
        "ContentSid": content,
        "/Services": service.rpartition("/")[2],
        "/Conversations": conversation,
        "/Conversations/{ConversationSid}/Participants": participant,
        "/Conversations/{ConversationSid}/Messages": message["sid"],
        "/Conversations/{ConversationSid}/Webhooks": webhook["sid"],
        "/Conversations/{ConversationSid}/Messages/{MessageSid}/Receipts": receipt["sid"],
        "/Roles": api.post(f"{service}/Roles", NEEDED["POST /Roles"]).json()["sid"],
        "/Content": content,
        "/Media": upload(api, service).json()["sid"],
        "/Content/{Sid}/ApprovalRequests": content,
        "/WebhookDeliveries": delivery["sid"],
    }


class Door:
    """One operation, at an address that leads somewhere."""

    def __init__(self, api, world, prefix, operation):
        self.api, self.operation = api, operation
        self.pattern = prefix + operation.path
        if prefix == "/v1":
            # In the service, where all that the paths name is.
            in_service = IN_SERVICE in operation.collection.prefixes
            self.pattern = (IN_SERVICE if in_service else prefix) + operation.path
        own = {"Sid": world.get(operation.collection.path)}
        missing = [name for name in self.parts() if not own.get(name) and name not in world]
        assert missing == [], f"say in `world` what {missing} of {self.pattern} is"
        self.names = {name: own.get(name) or world[name] for name in self.parts()}
        self.needed = NEEDED.get(f"{operation.method} {operation.path}", {})
        self.is_json = operation.collection.encoding.media_type == JSON
        self.fields = (
            list(accepted_fields(operation.collection.resource, operation.accepts))
            if operation.accepts
            else []
        )

    def parts(self):
        return [part[1:-1] for part in self.pattern.split("/") if part.startswith("{")]

    def send(self, query="", body=None, **names):
        path = self.pattern.format_map(self.names | names)
        kind = {"Content-Type": JSON} if self.is_json else FORM
        return self.api.request(
            self.operation.method, f"{self.api.url}{path}{query}", data=body, headers=kind if body else {}
        )

    def form_with(self, name, raw):
        others = [
            f"{each}={percent_encoded(value.encode())}" for each, value in self.needed.items() if each != name
        ]
        return "&".join([*others, f"{name}={percent_encoded(raw)}"])

    def json_with(self, name, raw):
        """The member, given as JSON."""
        others = {each: json.dumps(value).encode() for each, value in self.needed.items()}
        members = others | {name: raw}
        return b"{" + b",".join(b'"%s":%s' % (each.encode(), value) for each, value in members.items()) + b"}"


@pytest.fixture
def doors(api, world):
    return [Door(api, world, prefix, operation) for prefix, operation in OPERATIONS]


@pytest.fixture
def stored(running):
    """All that is stored, by table."""

    def stored():
        def look(tx):
            return {
                table: [dict(zip(tx.columns(table), row, strict=True)) for row in rows]
                for table, rows in dump.copy(tx).items()
            }

        return running.in_database(look)

    return stored


@pytest.mark.core
def test_a_path_with_hostile_text_leads_nowhere(doors):
    for door in doors:
        for name, raw in product(door.parts(), FEW_BYTES):
            assert is_refusal(door.send(**{name: percent_encoded(raw)}), (404,)), (door.pattern, name, raw)


@pytest.mark.core
def test_a_parameter_with_hostile_text_is_refused(doors, stored):
    tried = 0
    for door in doors:
        if door.is_json:
            continue
        for name, raw in product(door.fields, FEW_BYTES):
            assert is_refusal(door.send(body=door.form_with(name, raw))), (door.pattern, name, raw)
            tried += 1

    assert tried > 100
    assert tainted(stored()) == []


@pytest.mark.core
def test_json_in_a_parameter_brings_no_hostile_text_in(doors, stored):
    """Values that are JSON are read: what they hold is text from outside, too."""
    for door in doors:
        if door.is_json:
            continue
        for name, escape in product(door.fields, ESCAPES):
            hostile = b'{"type":"x","data":{"a":"%s"},"1":"%s"}' % (escape, escape)
            assert door.send(body=door.form_with(name, hostile)).status_code < 500, (door.pattern, name)

    assert tainted(stored()) == []


@pytest.mark.core
def test_json_with_hostile_text_is_refused(doors, stored):
    tried = 0
    for door in doors:
        if not door.is_json:
            continue
        for name, raw in product(door.fields, IN_JSON):
            for value in (b'"%s"' % raw, b'{"twilio/text":{"body":"%s"}}' % raw, b'{"%s":"x"}' % raw):
                assert is_refusal(door.send(body=door.json_with(name, value))), (door.pattern, name, value)
            assert is_refusal(door.send(body=b'{"%s": 1}' % raw)), (door.pattern, raw)
            tried += 1

    assert tried > 20
    assert tainted(stored()) == []


def test_a_query_with_hostile_text_is_refused(doors):
    for door in doors:
        if not door.operation.is_list:
            continue
        for name, raw in product([*door.operation.filters, "PageSize", "Page", "PageToken", "x"], FEW_BYTES):
            assert is_refusal(door.send(f"?{name}={percent_encoded(raw)}")), (door.pattern, name, raw)


@pytest.mark.parametrize("raw", BYTES.values(), ids=BYTES)
def test_each_hostile_text_is_refused_wherever_it_is(api, room, raw):
    encoded = percent_encoded(raw)
    for body in (f"Body={encoded}", f"{encoded}=1", f"Body={encoded}&Body=last", b"Body=" + raw):
        answer = api.request("POST", f"{room}/Messages", data=body, headers=FORM)
        assert is_refusal(answer), body
        assert "a parameter " in answer.json()["message"]

    assert api.get(f"{room}/Messages").json()["messages"] == []


@pytest.mark.core
def test_every_operation_can_be_reached_as_it_is_tried_here(doors):
    """Otherwise what refuses could be another check than that of the text."""
    answers = {}
    for door in sorted(doors, key=lambda door: door.operation.method == "DELETE"):
        body = json.dumps(door.needed) if door.is_json else door.needed
        answers[door.operation.method, door.pattern] = door.send(body=body or None).status_code
    # Deleting comes last, and a parent's comes before its child's; Redeliver is for what is done with.
    refused = {place: status for place, status in answers.items() if status >= 400 and place[0] != "DELETE"}

    assert {path.rpartition("/")[2]: status for (_, path), status in refused.items()} == {
        "Redeliver": 409,
        "ChannelMetadata": 404,
    }


def part(name, disposition=b"", content_type=b"image/png"):
    head = b'Content-Disposition: form-data; name="%s"%s\r\nContent-Type: %s' % (
        name,
        disposition,
        content_type,
    )
    return b"--b\r\n" + head + b"\r\n\r\nx\r\n--b--\r\n"


@pytest.mark.parametrize("raw", FEW_BYTES)
def test_an_upload_with_hostile_text_is_refused(api, service, stored, raw):
    multipart = {"Content-Type": "multipart/form-data; boundary=b"}
    bodies = [
        part(raw),
        part(b"media", b'; filename="%s"' % raw),
        part(b"media", b"; filename*=UTF-8''%s" % percent_encoded(raw).encode()),
        part(b"media", b'; filename="x"', b"image/" + raw),
    ]
    for name in (b"Filename", b"Category", b"Author"):
        field = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name, raw)
        bodies.append(field + part(b"media", b'; filename="x"'))
    for body in bodies:
        answer = api.request("POST", f"{service}/Media", data=body, headers=multipart)
        assert is_refusal(answer), body
    for name in ("Filename", "Category", "Author"):
        path = f"{service}/Media?{name}={percent_encoded(raw)}"
        assert is_refusal(api.request("POST", path, data=b"x", headers={"Content-Type": "image/png"})), name

    assert stored()["media"] == []


@pytest.mark.core
@pytest.mark.parametrize("raw", IN_JSON)
def test_a_set_of_media_with_hostile_text_is_refused(api, service, raw):
    for body in (
        b'{"command": "get", "list": [{"media_sid": "%s"}]}' % raw,
        b'{"command": "%s", "list": []}' % raw,
    ):
        assert is_refusal(api.request("POST", f"{service}/MediaSet", data=body)), body


@pytest.mark.parametrize("code", ["identity", "IDENTITY", ""])
def test_a_body_as_it_is_may_say_so(api, room, code):
    headers = FORM | {"Content-Encoding": code}

    assert api.request("POST", f"{room}/Messages", data="Body=x", headers=headers).status_code == 201


@pytest.mark.parametrize("code", ["gzip", "br", "identity, gzip", "x"])
def test_a_body_that_is_encoded_is_refused_at_every_door(api, service, room, code):
    json_headers = {"Content-Type": JSON, "Content-Encoding": code}
    doors = [
        ("POST", f"{room}/Messages", FORM | {"Content-Encoding": code}),
        ("POST", "Content", json_headers),
        ("POST", f"{service}/Media", {"Content-Type": "image/png", "Content-Encoding": code}),
        ("POST", f"{service}/MediaSet", json_headers),
    ]
    for method, path, headers in doors:
        answer = api.request(method, path, data=b"Body=x", headers=headers)
        assert is_refusal(answer, (415,)), path
        assert (answer.json()["code"], answer.headers["Accept-Encoding"]) == (20415, "identity")
