"""The http adapter: each message is posted to a gateway, in order, until it is taken; and it reports back."""

import threading

import pytest

from tests.receivers import Receiver
from tests.servers import ACCOUNT_SID, Api

pytestmark = pytest.mark.both_engines

LISTED = '[{"Category":"media","Filename":"cat.png","Size":5,"ContentType":"image/png","Sid":"%s"}]'


@pytest.fixture
def connect(carry, receiver):
    """Has messages for phones carried by the receiver."""

    def connect(**settings):
        return carry(**{"channels": "sms=http", "gateway_url": f"{receiver.url}/messages"} | settings)

    return connect


def upload(api, service, content, filename):
    answer = api.request(
        "POST",
        f"{service}/Media",
        params={"Filename": filename},
        data=content,
        headers={"Content-Type": "image/png"},
    )
    assert answer.status_code == 201
    return answer.json()["sid"]


def test_a_message_is_posted_with_all_that_a_carrier_needs(scene, service, connect, receiver):
    receiver.answer_json({"sid": "SM" + "1" * 32, "status": "queued"})
    who = scene.join("+15550100001", "+15550100009")
    scene.api.post(scene.path, FriendlyName="Ticket 7")
    media = upload(scene.api, service, b"a cat", "cat.png")
    message = scene.post(Body="Hi é & you", Author="alice", MediaSid=media)
    connect()
    [hook] = receiver.wait_for(1)
    [receipt] = scene.until(lambda: scene.receipts(message), lambda found: found[0]["channel_message_sid"])
    link, callback = hook.parameters.pop("MediaUrl0"), hook.parameters.pop("StatusCallback")

    assert (hook.method, hook.path, hook.is_signed) == ("POST", "/messages", True)
    assert hook.parameters == {
        "AccountSid": ACCOUNT_SID,
        "EventType": "onMessageOutgoing",
        "ChatServiceSid": message["chat_service_sid"],
        "ConversationSid": message["conversation_sid"],
        "MessageSid": message["sid"],
        "DeliveryReceiptSid": receipt["sid"],
        "ParticipantSid": who["sid"],
        "Channel": "sms",
        "To": "+15550100001",
        "From": "+15550100009",
        "Author": "alice",
        "Subject": "Ticket 7",
        "Body": "Hi é & you",
        "Media": LISTED % media,
        "NumMedia": "1",
        "RetryCount": "0",
    }
    assert (receipt["status"], receipt["channel_message_sid"]) == (None, "SM" + "1" * 32)
    with Api(scene.api.url, "nobody", "") as anybody:
        assert anybody.get(link).content == b"a cat"
    assert scene.api.post(callback, Status="delivered").json()["status"] == "delivered"
    assert scene.api.get(message["url"]).json()["delivery"]["delivered"] == "all"


@pytest.mark.parametrize(
    ("answer", "status", "name"),
    [
        ((200, b""), "sent", None),
        ((204, b""), "sent", None),
        ((200, b"<Response/>"), "sent", None),
        ((200, b'{"status": "unheard of"}'), "sent", None),
        ((200, b'{"sid": 7}'), "sent", None),
        ((200, b'{"sid": "SM\\u0000"}'), "sent", None),
        ((200, b'{"sid": "SM\xff"}'), "sent", None),
        ((201, b'{"sid": "SM1"}'), "sent", "SM1"),
        ((200, b'{"status": "delivered", "sid": "SM1"}'), "delivered", "SM1"),
        ((200, b'{"status": "failed", "error_code": 30007}'), "failed", None),
    ],
)
def test_an_answer_of_2xx_says_how_far_it_is(scene, connect, receiver, answer, status, name):
    receiver.answer = lambda hook: answer
    scene.join("+15550100001")
    message = scene.post(Body="Hi")
    connect()
    [receipt] = scene.reached(message, status)

    assert receipt["channel_message_sid"] == name
    assert receipt["error_code"] == (30007 if status == "failed" else 0)


HOSTILE = [
    b'{"error_code": 99999999999999999999}',
    b'{"error_code": 9223372036854775807}',
    b'{"error_code": "21211"}',
    b'{"sid": "SM\\u0000"}',
    b'{"sid": "%s"}' % (b"x" * 65),
    b'{"sid": ["SM1"]}',
    b'{"status": {"a": 1}}',
    b'["sent"]',
    b'"\\ud800"',
    b"\xff\xfe",
    b"[" * 60_000,
]


@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_an_answer_that_makes_no_sense_is_written_down_and_the_message_is_not_sent_again(
    scene, connect, receiver, clock, said
):
    receiver.answer = lambda hook: (200, said) if hook.parameters["Body"] == "first" else (400, said)
    scene.join("+15550100001")
    first, second = scene.post(Body="first"), scene.post(Body="second")
    connect()
    [taken] = scene.reached(first, "sent")
    [refused] = scene.reached(second, "failed")
    clock.advance(seconds=3_600)
    scene.reached(scene.post(Body="third"), "failed")
    accepted, *_ = scene.outgoing()

    assert [hook.parameters["Body"] for hook in receiver.hooks] == ["first", "second", "third"]
    assert (taken["error_code"], taken["channel_message_sid"]) == (0, None)
    assert refused["error_code"] == 30008
    assert accepted["status"] == "delivered"
    assert [each["status_code"] for each in accepted["attempts"]] == [200]
    assert "not all of the gateway's answer was understood" in accepted["attempts"][0]["error"]


def test_a_name_of_64_characters_is_taken(scene, connect, receiver):
    receiver.answer_json({"sid": "x" * 64})
    scene.join("+15550100001")
    message = scene.post(Body="Hi")
    connect()
    [receipt] = scene.reached(message, "sent")

    assert receipt["channel_message_sid"] == "x" * 64


@pytest.mark.parametrize(
    ("answer", "error_code"),
    [((400, b'{"error_code": 21211}'), 21211), ((404, b"gone"), 30008), ((302, b""), 30008)],
)
def test_a_refusal_is_final(scene, connect, receiver, answer, error_code):
    receiver.answer = lambda hook: answer
    scene.join("+15550100001")
    message = scene.post(Body="Hi")
    connect()
    [receipt] = scene.reached(message, "failed")
    [delivery] = scene.outgoing()

    assert receipt["error_code"] == error_code
    assert [each["status_code"] for each in delivery["attempts"]] == [answer[0]]
    assert scene.api.get(message["url"]).json()["delivery"]["failed"] == "all"


def test_a_gateway_that_is_broken_is_asked_again_and_the_order_is_kept(scene, connect, receiver, clock):
    answers = [(500, b""), (429, b"")]
    receiver.answer = lambda hook: answers.pop(0) if answers else (200, b"")
    scene.join("+15550100001")
    messages = [scene.post(Body=body) for body in "abc"]
    connect()
    for tries, seconds in ((1, 1), (2, 5)):
        scene.until(scene.outgoing, lambda found, tries=tries: len(found[0]["attempts"]) == tries)
        assert [each["status"] for each in scene.receipts(messages[0])] == [None]
        clock.advance(seconds=seconds)
    for message in messages:
        scene.reached(message, "sent")
    hooks = receiver.hooks

    assert [hook.parameters["Body"] for hook in hooks] == list("aaabc")
    assert [hook.parameters["RetryCount"] for hook in hooks] == list("01200")
    assert len({hook.token for hook in hooks[:3]}) == 1
    assert len({hook.token for hook in hooks}) == 3


def test_after_the_last_repetition_it_has_failed_and_the_next_goes_on(scene, connect, receiver, clock):
    receiver.answer = lambda hook: (503, b"") if hook.parameters["Body"] == "first" else (200, b"")
    scene.join("+15550100001")
    first, second = scene.post(Body="first"), scene.post(Body="second")
    connect()
    for tries in (1, 2):
        scene.until(scene.outgoing, lambda found, tries=tries: len(found[0]["attempts"]) == tries)
        clock.advance(seconds=5)
    [receipt] = scene.reached(first, "failed")
    scene.reached(second, "sent")

    assert receipt["error_code"] == 30008
    assert [hook.parameters["Body"] for hook in receiver.hooks] == ["first"] * 3 + ["second"]


def test_a_recipient_for_whom_it_is_broken_holds_up_no_other(scene, connect, receiver):
    receiver.answer = lambda hook: (503, b"") if hook.parameters["To"].endswith("1") else (200, b"")
    scene.join("+15550100001")
    scene.join("+15550100002")
    messages = [scene.post(Body=body) for body in "ab"]
    connect()

    for message in messages:
        scene.reached(message, None, "sent")


def test_a_gateway_that_is_down_loses_nothing(scene, connect, clock):
    gone = Receiver()
    gone.close()
    scene.join("+15550100001")
    messages = [scene.post(Body=body) for body in "ab"]
    connect(gateway_url=gone.url)
    scene.until(scene.outgoing, lambda found: found[0]["attempts"])
    back = Receiver(gone.port)
    clock.advance(seconds=1)
    for message in messages:
        scene.reached(message, "sent")
    back.close()

    assert [hook.parameters["Body"] for hook in back.hooks] == ["a", "b"]


def test_a_slow_gateway_holds_up_no_webhook_and_no_other_channel(scene, service, connect, receiver):
    hold = threading.Event()
    receiver.answer = lambda hook: (200, b"") if hook.path == "/told" else hold.wait(20) and (200, b"")
    form = {"PostWebhookUrl": f"{receiver.url}/told", "Filters": "onMessageAdded"}
    scene.api.request("POST", f"{service}/Configuration/Webhooks", data=form)
    scene.api.session.headers["X-Twilio-Webhook-Enabled"] = "true"
    for number in range(40):
        scene.join(f"+155501001{number:02}")
    scene.join("whatsapp:+15550100001", "whatsapp:+15550100002")
    message = scene.post(Body="Hi")
    connect()
    receiver.wait_for(1, "onMessageAdded")
    scene.reached(message, *[None] * 40, "sent")
    hold.set()

    scene.reached(message, *["sent"] * 41)


def test_what_left_is_not_sent_again_by_hand(scene, connect, receiver):
    receiver.answer = lambda hook: (400, b"")
    scene.join("+15550100001")
    connect()
    scene.reached(scene.post(Body="Hi"), "failed")
    [delivery] = scene.outgoing()
    answer = scene.api.post(f"{delivery['url']}/Redeliver")

    assert (answer.status_code, answer.json()["code"]) == (409, 20409)
    assert len(receiver.hooks) == 1


def test_in_a_group_message_it_comes_from_the_authors_number(scene, connect, receiver):
    for number in range(3):
        scene.join(f"+1555010000{number + 1}", proxy=None)
    form = {"Identity": "alice", "MessagingBinding.ProjectedAddress": "+15550100009"}
    assert scene.api.post(f"{scene.path}/Participants", form).status_code == 201
    message = scene.post(Body="Hi all", Author="alice")
    connect()
    scene.reached(message, "sent", "sent", "sent")

    assert {hook.parameters["From"] for hook in receiver.hooks} == {"+15550100009"}
    assert sorted(hook.parameters["To"][-1] for hook in receiver.hooks) == ["1", "2", "3"]
