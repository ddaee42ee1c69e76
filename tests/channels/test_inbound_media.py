"""MediaUrl of POST /parlour/v1/Inbound: files are fetched before the message is stored, or it is refused."""

import threading

import pytest

from parlour.webhooks import outbound_http
from tests.channels.conftest import HERE, THERE
from tests.servers import TIMEOUT_SECONDS

pytestmark = pytest.mark.both_engines


def refusal(answer):
    return answer.status_code, answer.json()["code"]


def test_media_are_fetched_and_kept(scene, arrive, receiver):
    scene.join(HERE, THERE)
    receiver.answer = lambda hook: (200, b"a cat" if "cat" in hook.path else b"")
    urls = [f"{receiver.url}/pictures/cat.png?size=1", f"{receiver.url}/"]
    message = arrive(Body="Look", MediaUrl=urls).json()
    service_sid = message["chat_service_sid"]
    content = scene.api.get(f"Services/{service_sid}/Media/{message['media'][0]['sid']}/Content")

    assert [each["filename"] for each in message["media"]] == ["cat.png", None]
    assert [each["size"] for each in message["media"]] == [5, 0]
    assert content.content == b"a cat"


def test_four_media_are_fetched_at_once_and_keep_their_order(scene, arrive, receiver):
    scene.join(HERE, THERE)
    names = [f"{number}.png" for number in range(10)]
    four, lock, under_way, counts = threading.Barrier(4), threading.Lock(), set(), []

    def answer(hook):
        with lock:
            under_way.add(hook)
            counts.append(len(under_way))
        if len(counts) <= 4:
            # Broken, and the request refused, unless four are under way together.
            four.wait(TIMEOUT_SECONDS)
        with lock:
            under_way.remove(hook)
        return 200, hook.path.encode()

    receiver.answer = answer
    message = arrive(MediaUrl=[f"{receiver.url}/{name}" for name in names]).json()

    assert [each["filename"] for each in message["media"]] == names
    assert max(counts) == 4


def test_media_that_cannot_be_fetched_are_refused_and_nothing_is_added(scene, arrive, receiver):
    scene.join(HERE, THERE)
    receiver.answer = lambda hook: (404, b"")
    gone = arrive(MediaUrl=f"{receiver.url}/gone")
    receiver.answer = lambda hook: None
    broken = arrive(MediaUrl=f"{receiver.url}/broken")

    unreached = arrive(MediaUrl="http://127.0.0.1:1/closed")

    assert refusal(gone) == refusal(broken) == (400, 20001)
    # Different words would tell which hosts and ports there are.
    texts = {answer.json()["message"] for answer in (gone, broken, unreached)}
    assert texts == {"Invalid parameter MediaUrl: could not be fetched"}
    assert scene.api.get(f"{scene.path}/Messages").json()["messages"] == []


@pytest.mark.parametrize("told", ["text/plain;,text/html", "nonsense", "a/b/c", ""])
def test_media_of_no_media_type_are_kept_as_bytes(scene, arrive, receiver, told):
    scene.join(HERE, THERE)
    receiver.headers = {"Content-Type": told}
    message = arrive(MediaUrl=f"{receiver.url}/x").json()

    assert message["media"][0]["content_type"] == "application/octet-stream"


class TestPrivateAddresses:
    """A server at `--public-url` on loopback, which a proxy in front brings into the world."""

    @pytest.fixture
    def running(self, start):
        return start(public_url="https://chat.example.org")

    @pytest.fixture
    def arrive(self, scene, running):
        def arrive(url):
            scene.join(HERE, THERE)
            form = {"From": HERE, "To": THERE, "MediaUrl": url}
            return scene.api.post(f"{running.url}/parlour/v1/Inbound", form)

        return arrive

    def test_media_are_not_fetched_from_them(self, arrive, receiver):
        answer = arrive(f"{receiver.url}/x")

        assert refusal(answer) == (400, 20001)
        assert answer.json()["message"] == "Invalid parameter MediaUrl: could not be fetched"
        assert receiver.hooks == []

    def test_a_redirect_leads_to_none(self, monkeypatch, arrive, receiver):
        monkeypatch.setattr(outbound_http, "is_private", lambda host: host != "127.0.0.1")
        receiver.headers = {"Location": f"http://127.0.0.2:{receiver.port}/secret"}
        receiver.answer = lambda hook: (302, b"")
        answer = arrive(f"{receiver.url}/x")

        assert answer.json()["message"] == "Invalid parameter MediaUrl: could not be fetched"
        assert [hook.path for hook in receiver.hooks] == ["/x"]
