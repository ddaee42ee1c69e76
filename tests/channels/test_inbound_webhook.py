"""POST /parlour/v1/Inbound with the parameters that the original sends to the webhook of a number."""

import pytest

from tests.channels.conftest import HERE, THERE
from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.both_engines

SID = "MM" + "0123456789abcdef" * 2
# As the original sends it for a message without media.
WEBHOOK = {
    "ToCountry": "US",
    "SmsMessageSid": SID,
    "NumMedia": "0",
    "SmsSid": SID,
    "SmsStatus": "received",
    "Body": "Hi",
    "To": THERE,
    "NumSegments": "1",
    "MessageSid": SID,
    "AccountSid": ACCOUNT_SID,
    "From": HERE,
    "ApiVersion": "2010-04-01",
}


@pytest.fixture
def post(scene):
    def post(**changes):
        return scene.api.post(f"{scene.api.url}/parlour/v1/Inbound", WEBHOOK | changes)

    scene.join(HERE, THERE)
    return post


def refusal(answer):
    return answer.status_code, answer.json()["code"]


def bodies(scene):
    return [each["body"] for each in scene.api.get(f"{scene.path}/Messages").json()["messages"]]


def test_a_webhook_of_the_original_is_a_message(scene, post):
    answer = post()
    message = answer.json()

    assert answer.status_code == 201
    assert (message["author"], message["body"], message["media"]) == (HERE, "Hi", None)
    assert message["sid"].startswith("IM")


def test_a_header_is_never_the_key_of_a_webhook(scene, post):
    for key in (SID, f"MessageSid:{SID}"):
        other = scene.api.request("POST", "Conversations", headers={"Idempotency-Key": key})
        assert other.status_code == 201

    assert post().json()["body"] == "Hi"


def test_its_media_are_fetched_in_their_order(scene, post, receiver):
    receiver.answer = lambda hook: (200, hook.path.encode())
    names = [f"{number}.png" for number in range(10)]
    urls = {f"MediaUrl{number}": f"{receiver.url}/{name}" for number, name in enumerate(names)}
    types = {f"MediaContentType{number}": "image/png" for number in range(10)}
    # Not in the order of their numbers.
    message = post(NumMedia="10", **dict(reversed(urls.items())), **types, Body="").json()

    assert [each["filename"] for each in message["media"]] == names
    assert message["body"] == ""


def test_media_without_their_number_are_taken(post, receiver):
    receiver.answer = lambda hook: (200, b"a cat")
    message = post(NumMedia=None, MediaUrl0=f"{receiver.url}/a", MediaUrl=f"{receiver.url}/b").json()

    assert [each["filename"] for each in message["media"]] == ["b", "a"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"NumMedia": "1"}, "NumMedia"),
        ({"NumMedia": "2", "MediaUrl0": "https://example.org/a"}, "NumMedia"),
        ({"MediaUrl0": "https://example.org/a"}, "NumMedia"),
        ({"NumMedia": "1", "MediaUrl0": ""}, "NumMedia"),
        ({"NumMedia": "11"}, "NumMedia"),
        ({"NumMedia": "-1"}, "NumMedia"),
        ({"NumMedia": "٣"}, "NumMedia"),
        ({"NumMedia": "9" * 5_000}, "NumMedia"),
        ({"NumMedia": "1", "MediaUrl0": "ftp://example.org/a"}, "MediaUrl0"),
        ({"NumMedia": "1", "MediaUrl0": "https://example.org/" + "a" * 2_048}, "MediaUrl0"),
        ({"MessageSid": "x" * 129}, "MessageSid"),
    ],
)
def test_what_does_not_fit_is_refused(scene, post, changes, name):
    answer = post(**changes)

    assert refusal(answer) == (400, 20001)
    assert f"Invalid parameter {name}:" in answer.json()["message"]
    assert bodies(scene) == []


def test_eleven_media_in_both_forms_are_too_many(scene, post):
    numbered = {f"MediaUrl{number}": "https://example.org/" for number in range(10)}

    assert refusal(post(NumMedia="10", MediaUrl="https://example.org/", **numbered)) == (400, 20001)
    assert bodies(scene) == []


def test_a_repeated_webhook_is_stored_once(scene, post):
    first, second = post(), post(ErrorCode="11200", ErrorUrl="https://example.org/")
    other = post(Body="Other")
    next_one = post(Body="Other", MessageSid="MM" + "f" * 32)

    assert second.content == first.content
    assert refusal(other) == (422, 20422)
    assert other.json()["message"] == "MessageSid was already used with other content"
    assert next_one.status_code == 201
    assert bodies(scene) == ["Hi", "Other"]


def test_without_a_sid_each_is_a_message(scene, post):
    assert post(MessageSid="").status_code == post(MessageSid="").status_code == 201
    assert bodies(scene) == ["Hi", "Hi"]
