"""Answers are asked for uncompressed; one that comes compressed is read, or recorded as unread."""

import gzip
import json
import zlib
from unittest.mock import Mock

import pytest

from parlour.webhooks.encodings import PIECE_BYTES, pieces_of
from parlour.webhooks.sender import MAX_ANSWER_BYTES

HERE, THERE = "+15550100001", "+15550100009"
BOMB_BYTES = 50_000_000


def raw_deflate(data):
    return zlib.compress(data, wbits=-zlib.MAX_WBITS)


def two_members(data):
    return gzip.compress(data[:5]) + gzip.compress(data[5:])


READABLE = [
    ("gzip", gzip.compress),
    ("GZIP", two_members),
    ("deflate", zlib.compress),
    ("deflate", raw_deflate),
    ("identity", bytes),
]
UNREADABLE = [
    ("br", bytes),
    ("gzip, gzip", gzip.compress),
    ("gzip", bytes),
    ("gzip", lambda data: gzip.compress(data)[:-9]),
    ("deflate", lambda data: b"\x78" + data),
]


@pytest.fixture
def compress(receiver):
    """Has the receiver answer with this, compressed in this way."""

    def compress(value, encoding, encode):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        receiver.answer = lambda hook: (200, encode(body), {"Content-Encoding": encoding})

    return compress


@pytest.fixture
def hooked(api):
    api.session.headers["X-Twilio-Webhook-Enabled"] = "true"
    return api


@pytest.fixture
def ask_before(hooked, service, receiver):
    form = {"PreWebhookUrl": f"{receiver.url}/pre", "Filters": "onMessageAdd"}
    assert hooked.request("POST", f"{service}/Configuration/Webhooks", data=form).status_code == 200


def tell(api, service, receiver):
    form = {"PostWebhookUrl": f"{receiver.url}/post", "Filters": ["onMessageAdd", "onMessageAdded"]}
    assert api.request("POST", f"{service}/Configuration/Webhooks", data=form).status_code == 200


def deliveries(scene):
    listed = scene.api.get(f"{scene.api.url}/parlour/v1/WebhookDeliveries").json()["webhook_deliveries"]
    return listed if listed and all(each["status"] != "pending" for each in listed) else None


def arrive(scene, receiver):
    form = {"From": HERE, "To": THERE, "MediaUrl": f"{receiver.url}/cat.txt"}
    return scene.api.post(f"{scene.api.url}/parlour/v1/Inbound", form)


@pytest.mark.parametrize("way", READABLE)
def test_an_amendment_that_comes_compressed_is_read(hooked, room, ask_before, compress, way):
    compress({"body": "amended"}, *way)

    assert hooked.post(f"{room}/Messages", Body="Hi").json()["body"] == "amended"


@pytest.mark.parametrize("way", UNREADABLE)
def test_an_amendment_that_cannot_be_decoded_is_logged(hooked, room, ask_before, compress, monkeypatch, way):
    log = Mock()
    monkeypatch.setattr("parlour.webhooks.pre_event_request.log", log)
    compress({"body": "amended"}, *way)

    assert hooked.post(f"{room}/Messages", Body="Hi").json()["body"] == "Hi"
    assert log.warning.call_args.args == ("pre_event_answer_not_understood",)


def test_of_an_amendment_that_grows_without_end_no_more_is_decoded_than_is_read(
    hooked, room, ask_before, compress, monkeypatch
):
    read = []
    monkeypatch.setattr(
        "parlour.webhooks.encodings.pieces_of",
        lambda *given: (read.append(len(piece)) or piece for piece in pieces_of(*given)),
    )
    compress({"body": "x" * BOMB_BYTES}, "gzip", gzip.compress)

    assert hooked.post(f"{room}/Messages", Body="Hi").json()["body"] == "Hi"
    assert max(read) <= PIECE_BYTES
    assert sum(read) < MAX_ANSWER_BYTES + PIECE_BYTES


@pytest.mark.parametrize("way", READABLE)
def test_a_gateways_answer_that_comes_compressed_is_read(scene, carry, receiver, compress, way):
    compress({"sid": "SM1", "status": "delivered"}, *way)
    scene.join(HERE, THERE)
    message = scene.post(Body="Hi")
    carry(channels="sms=http", gateway_url=receiver.url)
    [receipt] = scene.reached(message, "delivered")

    assert receipt["channel_message_sid"] == "SM1"


@pytest.mark.parametrize("way", UNREADABLE)
def test_a_gateways_answer_that_cannot_be_decoded_is_recorded_and_the_message_sent_once(
    scene, carry, receiver, compress, way
):
    compress({"sid": "SM1", "status": "delivered"}, *way)
    scene.join(HERE, THERE)
    message = scene.post(Body="Hi")
    carry(channels="sms=http", gateway_url=receiver.url)
    scene.reached(message, "sent")
    [delivery] = scene.outgoing()

    assert [(each["status_code"], "answer" in each["error"]) for each in delivery["attempts"]] == [
        (200, True)
    ]
    assert len(receiver.hooks) == 1


def test_a_gateways_answer_that_is_cut_off_is_recorded_and_the_message_sent_once(scene, carry, receiver):
    receiver.answer, receiver.cut_off = lambda hook: (200, b'{"sid": "SM1"'), 100
    scene.join(HERE, THERE)
    message = scene.post(Body="Hi")
    carry(channels="sms=http", gateway_url=receiver.url)
    scene.reached(message, "sent")
    [delivery] = scene.outgoing()

    assert [each["status_code"] for each in delivery["attempts"]] == [200]
    assert "cut off" in delivery["attempts"][0]["error"]
    assert len(receiver.hooks) == 1


def test_a_webhook_whose_answer_cannot_be_decoded_is_delivered_all_the_same(
    scene, service, carry, receiver, compress, hooked
):
    compress(b"thanks", "br", bytes)
    tell(hooked, service, receiver)
    scene.post(Body="Hi")
    carry()
    [delivery] = scene.until(lambda: deliveries(scene), bool)

    assert delivery["status"] == "delivered"
    assert [each["status_code"] for each in delivery["attempts"]] == [200]


@pytest.mark.parametrize("way", READABLE)
def test_media_that_come_compressed_are_stored_as_they_were(scene, receiver, compress, way):
    compress(b"a cat" * 40_000, *way)
    scene.join(HERE, THERE)
    message = arrive(scene, receiver).json()
    [media] = message["media"]
    content = scene.api.get(f"Services/{message['chat_service_sid']}/Media/{media['sid']}/Content").content

    assert content == b"a cat" * 40_000


@pytest.mark.parametrize("way", UNREADABLE)
def test_media_that_cannot_be_decoded_are_refused(scene, receiver, compress, way):
    compress(b"a cat", *way)
    scene.join(HERE, THERE)
    answer = arrive(scene, receiver)

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)


def test_media_may_be_no_larger_when_they_come_compressed(scene, receiver, compress, monkeypatch):
    monkeypatch.setattr("parlour.api.uploads.MAX_FILE_BYTES", BOMB_BYTES // 10)
    compress(bytes(BOMB_BYTES), "gzip", gzip.compress)
    scene.join(HERE, THERE)

    assert arrive(scene, receiver).status_code == 413


def test_everybody_is_asked_for_an_answer_as_it_is(scene, service, carry, receiver, hooked, ask_before):
    tell(hooked, service, receiver)
    scene.join(HERE, THERE)
    assert arrive(scene, receiver).status_code == 201
    scene.post(Body="Hi")
    carry(channels="sms=http", gateway_url=f"{receiver.url}/gateway")
    scene.until(lambda: deliveries(scene), bool)

    asked = {hook.path: hook.headers["Accept-Encoding"] for hook in receiver.hooks}
    assert asked == dict.fromkeys(["/pre", "/cat.txt", "/gateway", "/post"], "identity")
