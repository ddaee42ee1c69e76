"""`kill -9` while messages are on their way: none is lost, and none is sent twice but in the one gap."""

from collections import Counter

import pytest

from tests.channels.conftest import READER, Scene
from tests.receivers import Receiver

RECIPIENTS = 4
MESSAGES = 15


def scene_of(server, api):
    return Scene(api, "Conversations/" + api.post("Conversations").json()["sid"])


@pytest.mark.long
def test_receipts_go_on_after_a_crash_between_send_and_report(launch):
    receiver = Receiver()
    options = ("--control", "--simulated-delays", "0 2 4")
    server = launch(*options)
    with server.api() as api:
        # No report is due before the crash, however long that takes to come.
        api.request("POST", f"{server.url}/parlour/v1/Clock", json={"stopped": True})
        form = {"PostWebhookUrl": receiver.url, "Filters": "onDeliveryUpdated"}
        api.request("POST", "Configuration/Webhooks", data=form)
        scene = scene_of(server, api)
        scene.join(*READER)
        scene.join("+15550109006")
        messages = [scene.post(Body=str(number)) for number in range(MESSAGES)]
        for message in messages:
            scene.reached(message, "sent", "sent")
        server.crash()
    server = launch("--port", server.url.rpartition(":")[2], *options)
    with server.api() as api:
        scene = Scene(api, scene.path)
        for message in messages:
            scene.reached(message, "read", "undelivered")
            assert api.get(message["url"]).json()["delivery"]["read"] == "some"
        # What was told and not written down is told once more.
        expected = {("sent", "delivered", "read"): MESSAGES, ("sent", "undelivered"): MESSAGES}
        scene.until(lambda: told_by(receiver), lambda found: found == expected)
    receiver.close()


def told_by(receiver):
    """How many receipts were told to have gone through which statuses."""
    told = {}
    for hook in list(receiver.hooks):
        statuses = told.setdefault(hook.parameters["DeliveryReceiptSid"], [])
        if hook.parameters["Status"] not in statuses:
            statuses.append(hook.parameters["Status"])
    return Counter(map(tuple, told.values()))


@pytest.fixture
def post_office(launch, mail):
    """Starts a server that mails, and again on the same port; the scene that it serves."""
    opened, port = [], "0"

    def open_again(path=None):
        nonlocal port
        options = ("--port", port, "--channels", "email=smtp")
        server = launch(*options, PARLOUR_SMTP_URL=f"smtp://127.0.0.1:{mail.port}")
        port = server.url.rpartition(":")[2]
        opened.append(server.api())
        return server, Scene(opened[-1], path) if path else scene_of(server, opened[-1])

    yield open_again
    for api in opened:
        api.session.close()


def post_to_many(scene):
    for number in range(RECIPIENTS):
        scene.join(f"user{number}@example.org", "desk@example.com")
    return [scene.post(Body=str(number)) for number in range(MESSAGES)]


@pytest.mark.long
def test_what_was_recorded_is_not_mailed_again(post_office, mail):
    server, scene = post_office()
    for message in post_to_many(scene):
        scene.reached(message, *["sent"] * RECIPIENTS)
    server.crash()
    _, scene = post_office(scene.path)
    scene.reached(scene.post(Body="after"), *["sent"] * RECIPIENTS)
    seen = Counter(message["Message-ID"] for message in mail.messages)

    assert len(seen) == (MESSAGES + 1) * RECIPIENTS
    assert set(seen.values()) == {1}


@pytest.mark.long
def test_a_crash_in_the_midst_repeats_one_message_of_a_recipient_at_most(post_office, mail):
    server, scene = post_office()
    messages = post_to_many(scene)
    mail.wait_for(RECIPIENTS * MESSAGES // 3)
    server.crash()
    _, scene = post_office(scene.path)
    for message in messages:
        scene.reached(message, *["sent"] * RECIPIENTS)
    heard = {}
    for message in mail.messages:
        heard.setdefault(message["To"], []).append(message.get_content().strip())

    assert len(heard) == RECIPIENTS
    for bodies in heard.values():
        assert list(dict.fromkeys(bodies)) == [str(number) for number in range(MESSAGES)]
        assert len(bodies) <= MESSAGES + 1
