"""`kill -9` the server with 500 events undelivered: after the restart each arrives, in order."""

import pytest

from tests.receivers import Receiver
from tests.webhooks.conftest import HOOKED

pytestmark = pytest.mark.both_engines

ROOMS = 5


@pytest.mark.parametrize("each", [5, pytest.param(100, marks=pytest.mark.long)])
def test_every_undelivered_event_arrives_after_a_crash(launch, each):
    receiver = Receiver()
    receiver.close()
    server = launch()
    with server.api() as api:
        api.session.headers.update(HOOKED)
        api.post("Configuration/Webhooks", PostWebhookUrl=receiver.url, Filters="onMessageAdded")
        rooms = [api.post("Conversations").json() for _ in range(ROOMS)]
        for n in range(each):
            for room in rooms:
                assert api.post(room["links"]["messages"], Body=str(n)).status_code == 201
    server.kill()

    receiver = Receiver(receiver.port)
    launch("--port", server.url.rpartition(":")[2])
    hooks = receiver.wait_for(ROOMS * each)
    receiver.close()
    for room in rooms:
        heard = [h.parameters["Body"] for h in hooks if h.parameters["ConversationSid"] == room["sid"]]
        assert list(dict.fromkeys(heard)) == [str(n) for n in range(each)]
    assert all(hook.is_signed for hook in hooks)
