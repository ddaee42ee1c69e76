"""Fixtures: a receiver, a dispatcher over the running server's database, and something to tell of."""

import asyncio
import threading

import pytest

from parlour.store import Database
from parlour.webhooks.dispatcher import Dispatcher
from parlour.webhooks.events import FILTERS
from parlour.webhooks.sender import Sender
from parlour.webhooks.transport import Studio, WebhookTransport
from tests.receivers import WAIT_SECONDS

DELAYS = (1, 5, 30)
HOOKED = {"X-Twilio-Webhook-Enabled": "true"}


class DispatcherThread:
    """A dispatcher as the worker process runs it, with the clock of the test."""

    def __init__(self, running, **settings):
        settings = {"delays": DELAYS} | settings
        sender = Sender(allow_private=settings.pop("allow_private", True))
        studio_url = settings.pop("studio_url", None)
        studio = None if studio_url is None else Studio(studio_url, Sender(allow_private=True))
        transport = WebhookTransport(sender, studio)
        self.database = Database(running.storage.engine(), running.clock)
        self._dispatcher = Dispatcher(self.database, running.vault, transport, {}, **settings)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        self._loop.run_until_complete(self._dispatcher.run(self._stop))

    def ask_to_stop(self):
        self._loop.call_soon_threadsafe(self._stop.set)

    def stop(self):
        if self._loop.is_closed():
            return
        self.ask_to_stop()
        self._thread.join()
        self._loop.close()
        self.database.close()


@pytest.fixture
def dispatch(running):
    """Starts a dispatcher with the settings that the test gives."""
    started = []

    def dispatch(**settings):
        started.append(DispatcherThread(running, **settings))
        return started[-1]

    yield dispatch
    for each in started:
        each.stop()


@pytest.fixture
def hooked(api):
    """The caller, whose requests ask for webhooks."""
    api.session.headers.update(HOOKED)
    return api


@pytest.fixture
def listen(api, receiver, service):
    """Configures the service to tell the receiver of everything, before and after."""

    def listen(filters=FILTERS, **urls):
        form = {"PostWebhookUrl": f"{receiver.url}/post", "Filters": list(filters)} | urls
        answer = api.request("POST", f"{service}/Configuration/Webhooks", data=form)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return listen


@pytest.fixture
def deliveries(api):
    """All deliveries, oldest first, once `are_ready` says so of them."""

    def deliveries(are_ready):
        waited = threading.Event()
        for _ in range(WAIT_SECONDS * 50):
            page = api.get(f"{api.url}/parlour/v1/WebhookDeliveries", PageSize=100).json()
            found = page["webhook_deliveries"][::-1]
            if are_ready(found):
                return found
            waited.wait(0.02)
        raise AssertionError(found)

    return deliveries


@pytest.fixture
def settled(deliveries):
    """Waits until so many deliveries are done with, and none is under way."""

    def settled(count):
        return deliveries(
            lambda found: len(found) >= count and all(each["status"] != "pending" for each in found)
        )

    return settled


@pytest.fixture
def tried(deliveries):
    """Waits until so many tries are written down."""

    def tried(count):
        return deliveries(lambda found: sum(len(each["attempts"]) for each in found) >= count)

    return tried
