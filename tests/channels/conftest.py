"""Fixtures: background work over the running server's database, and people on other channels."""

import asyncio
import threading

import pytest

from parlour.bootstrap import Parts
from parlour.config import Config
from parlour.startup_checks import check_channels
from parlour.store import Database
from parlour.worker.run import run
from tests.mailboxes import MailServer
from tests.receivers import WAIT_SECONDS

PROXY = "+15550100000"
# The addresses of an inbound message.
HERE, THERE = "+15550100001", "+15550100009"
DELAYS = "0 1 3"
# An address on a channel that reports reading, and the account's there.
READER = ("whatsapp:+15550100001", "whatsapp:+15550100000")


class BackgroundThread:
    """Background work as the worker process does it, with the clock of the test."""

    def __init__(self, running, **settings):
        defaults = {"simulated_delays": DELAYS, "webhook_delays": "1 5", "public_url": running.url}
        settings = {**defaults, "webhook_private": "allow", **settings}
        self._database = Database(running.storage.engine(), running.clock)
        parts = Parts(Config(**settings), self._database, running.vault, running.blobs)
        check_channels(parts.config)
        self._loop, self._stop = asyncio.new_event_loop(), asyncio.Event()
        work = run(parts, self._stop)
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(work,))
        self._thread.start()

    def stop(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()
        self._database.close()


@pytest.fixture
def carry(running):
    """Starts background work with the settings that the test gives."""
    started = []

    def carry(**settings):
        started.append(BackgroundThread(running, **settings))
        return started[-1]

    yield carry
    for each in started:
        each.stop()


@pytest.fixture
def mail():
    server = MailServer()
    yield server
    server.stop()


class Scene:
    """A conversation and who takes part in it."""

    def __init__(self, api, path):
        self.api, self.path = api, path

    def join(self, address, proxy=PROXY, path=None, **more):
        """Adds somebody by an address, and by the account's in which they are written to."""
        form = {"MessagingBinding.Address": address} | more
        if proxy is not None:
            form["MessagingBinding.ProxyAddress"] = proxy
        answer = self.api.post(f"{path or self.path}/Participants", form)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def post(self, path=None, **parameters):
        """Posts a message."""
        answer = self.api.post(f"{path or self.path}/Messages", parameters)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def receipts(self, message):
        return self.api.get(message["links"]["delivery_receipts"]).json()["delivery_receipts"]

    def outgoing(self):
        """What has left or is to leave, oldest first."""
        asked = {"EventType": "onMessageOutgoing", "PageSize": 100}
        listed = self.api.get(f"{self.api.url}/parlour/v1/WebhookDeliveries", **asked).json()
        return listed["webhook_deliveries"][::-1]

    def until(self, look, is_ready):
        """What `look` gives once `is_ready` says so of it."""
        waited = threading.Event()
        for _ in range(WAIT_SECONDS * 50):
            found = look()
            if is_ready(found):
                return found
            waited.wait(0.02)
        raise AssertionError(found)

    def reached(self, message, *statuses):
        """A message's receipts, in the order in which they joined, once they have these statuses."""
        return self.until(
            lambda: self.receipts(message),
            lambda found: [each["status"] for each in found] == list(statuses),
        )


@pytest.fixture
def scene(api, room):
    return Scene(api, room)


@pytest.fixture
def arrive(scene):
    """Posts an inbound message, from one address to another unless told otherwise."""

    def arrive(parameters=(), sender=HERE, to=THERE, **more):
        form = {"From": sender, "To": to} | dict(parameters) | more
        return scene.api.post(f"{scene.api.url}/parlour/v1/Inbound", form)

    return arrive
