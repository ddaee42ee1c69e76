"""The plugin for pytest, as its users run it: a folder of tests, and pytest in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import TIMEOUT_SECONDS

# Plugins of our own tests, which users need not have, and which take longer to load than all the rest.
NO_OTHERS = ("-p", "no:schemathesis", "-p", "no:hypothesispytest")
ROOM = """
def room(parlour):
    return parlour.client.conversations.v1.conversations.create(friendly_name="Room", unique_name="room")
"""
SHARE_NOTHING = """
import pytest

@pytest.mark.parametrize("n", range(50))
def test_a_room_of_ones_own(parlour, n):
    assert parlour.client.conversations.v1.conversations.list() == []
    made = room(parlour)
    made.messages.create(body=str(n))
    assert [each.body for each in made.messages.list()] == [str(n)]
    assert len(parlour.requests) == 4
"""
UNCHANGED = """
import os
from twilio.rest import Client

def test_the_services_own_name_leads_here(parlour_environment):
    made = Client().conversations.v1.conversations.create(friendly_name="Room")
    assert made.url.startswith("https://conversations.twilio.com/v1/Conversations/CH")

def test_it_is_empty_again_and_the_environment_as_before(parlour):
    assert parlour.client.conversations.v1.conversations.list() == []
    assert os.environ.get("HTTPS_PROXY") != parlour.proxy_url
"""
EVERYWHERE = """
from twilio.rest import Client

def test_one():
    Client().conversations.v1.conversations.create(unique_name="room")

def test_other():
    assert Client().conversations.v1.conversations.list() == []
"""
CLOCK_AND_FAULTS = """
from datetime import UTC, datetime
import pytest
from twilio.base.exceptions import TwilioRestException

def test_clock(parlour, parlour_clock):
    parlour_clock.stop("2024-01-01T00:00:00Z")
    made = room(parlour)
    parlour_clock.advance(hours=1)
    assert made.date_created == datetime(2024, 1, 1, tzinfo=UTC)
    assert parlour_clock.now == datetime(2024, 1, 1, 1, tzinfo=UTC)
    assert made.messages.create().date_created == datetime(2024, 1, 1, 1, tzinfo=UTC)
    parlour_clock.resume()
    # The former name.
    parlour_clock.go_on()

def test_clock_is_as_new(parlour_clock):
    assert parlour_clock.now.year != 2024

def test_faults(parlour, parlour_faults):
    made = room(parlour)
    parlour_faults.status(429, path="*/Messages", count=1)
    with pytest.raises(TwilioRestException) as refused:
        made.messages.create()
    assert (refused.value.status, refused.value.code) == (429, 20429)
    made.messages.create()
    parlour_faults.remove(parlour_faults.latency(0.01))
    for fault in (parlour_faults.drop_before, parlour_faults.drop_after):
        fault(count=1)
        with pytest.raises(OSError):
            made.messages.create()
    parlour_faults.lose_answer(seconds=0.01)
    with pytest.raises(OSError):
        made.messages.create()
    parlour_faults.clear()
    assert len(made.messages.list()) == 3

def test_faults_are_gone(parlour):
    room(parlour)
"""
SNAPSHOTS = """
def test_fixtures_and_snapshots(parlour, tmp_path):
    parlour.reset(seed=1)
    file = tmp_path / "fixture.yaml"
    file.write_text("conversations: [{unique_name: lobby}]")
    [lobby] = parlour.load(file)["conversations"]
    assert lobby["sid"] == "CH" + "0" * 15 + "1" + "0" * 15 + "1"
    parlour.snapshot()
    parlour.load({"conversations": [{"unique_name": "other"}]})
    parlour.restore()
    assert [each.unique_name for each in parlour.client.conversations.v1.conversations.list()] == ["lobby"]
"""
WEBHOOKS = """
import pytest
import requests

def post(url, **form):
    session = requests.Session()
    session.trust_env = False
    with session, session.post(url, data=form, timeout=10) as answer:
        return answer

def test_receiver(parlour_webhooks):
    parlour_webhooks.answer(403, '{"a": 1}')
    assert post(parlour_webhooks.url + "hook", EventType="onMessageAdded", Body="1").status_code == 403
    parlour_webhooks.answer()
    assert post(parlour_webhooks.url, EventType="onMessageAdded", Body="2").status_code == 200
    assert parlour_webhooks.wait_for("onMessageAdded", Body="2").path == "/"
    first = parlour_webhooks.wait_for("onMessageAdded")
    assert (first.parameters["Body"], first.path, first.method) == ("1", "/hook", "POST")
    assert len(parlour_webhooks.received) == 2
    reason = "no onMessageAdded came in 0.01 s; received so far: onMessageAdded, "
    with pytest.raises(AssertionError, match=reason):
        parlour_webhooks.wait_for("onMessageAdded", timeout_seconds=0.01)
"""

TOLD = """
def test_what_happens_is_told_and_told_again_by_the_clock(parlour, parlour_clock, parlour_webhooks):
    parlour_clock.stop("2024-01-01T00:00:00Z")
    webhooks = parlour.client.conversations.v1.configuration.webhooks()
    webhooks.update(post_webhook_url=parlour_webhooks.url, filters=["onMessageAdded"])
    parlour_webhooks.answer(500)
    room(parlour).messages.create(body="Hello", x_twilio_webhook_enabled="true")
    parlour_webhooks.wait_for("onMessageAdded", Body="Hello", RetryCount="0")
    parlour_webhooks.answer()
    while len(parlour_webhooks.received) < 2:
        parlour_clock.advance(seconds=1)
    again = parlour_webhooks.wait_for("onMessageAdded", RetryCount="1")
    assert again.parameters["DateCreated"] == "2024-01-01T00:00:00.000Z"

def test_a_reset_forgets_who_is_told(parlour):
    assert parlour.client.conversations.v1.configuration.webhooks().fetch().post_webhook_url is None
"""


@pytest.fixture
def pytest_of(tmp_path):
    """Runs pytest over these tests; what it says."""

    def run(*sources, options=(), ini=""):
        for n, source in enumerate(sources):
            (tmp_path / f"test_{n}.py").write_text(ROOM + source)
        (tmp_path / "pytest.ini").write_text(f"[pytest]\nfilterwarnings = error\n{ini}")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *NO_OTHERS, *options],
            cwd=tmp_path,
            env=kept,
            capture_output=True,
            text=True,
            timeout=5 * TIMEOUT_SECONDS,
            check=False,
        )

    return run


@pytest.mark.long
def test_fifty_tests_in_parallel_share_nothing(pytest_of):
    ended = pytest_of(SHARE_NOTHING, options=["-n", "2"])

    assert "50 passed" in ended.stdout, ended.stdout + ended.stderr


@pytest.mark.parametrize("mode", [pytest.param("process", marks=pytest.mark.long), "thread"])
def test_the_fixtures_do_what_they_say(pytest_of, mode):
    ended = pytest_of(UNCHANGED, CLOCK_AND_FAULTS, SNAPSHOTS, ini=f"parlour_mode = {mode}")

    assert "7 passed" in ended.stdout, ended.stdout + ended.stderr


@pytest.mark.long
def test_one_option_sends_every_test_there(pytest_of):
    ended = pytest_of(EVERYWHERE, options=["--parlour"])

    assert "2 passed" in ended.stdout, ended.stdout + ended.stderr


def test_webhooks_are_waited_for(pytest_of):
    ended = pytest_of(WEBHOOKS)

    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr


@pytest.mark.parametrize("mode", ["process", "thread"])
@pytest.mark.long
def test_webhooks_follow_the_clock(pytest_of, mode):
    ended = pytest_of(TOLD, ini=f"parlour_mode = {mode}")

    assert "2 passed" in ended.stdout, ended.stdout + ended.stderr


@pytest.mark.long
def test_the_examples_of_the_documentation_pass(pytest_of):
    page = (Path(__file__).parents[2] / "docs/testing.md").read_text(encoding="utf-8")
    examples = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    ended = pytest_of(*examples)

    assert f"{page.count('def test_')} passed" in ended.stdout, ended.stdout


def test_a_mode_that_does_not_exist_is_told(pytest_of):
    ended = pytest_of(UNCHANGED, ini="parlour_mode = cloud")

    assert "parlour_mode must be one of process, thread" in ended.stdout


def test_a_run_without_the_fixtures_starts_nothing(pytest_of):
    heavy = ("uvicorn", "falcon", "cryptography")
    ended = pytest_of(f"import sys\ndef test_nothing():\n    assert not set({heavy}) & set(sys.modules)\n")

    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
