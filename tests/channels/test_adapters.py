"""Adapters of others, by entry point, in the real server; and settings that name none."""

import os
import re
from pathlib import Path

import pytest

from parlour.channels.registry import chosen
from tests.channels.conftest import Scene
from tests.commands import refused
from tests.receivers import Receiver

PIGEONS = '''
"""Carries messages by pigeon."""

import asyncio

from parlour.channels.adapter import NotSent, Report, Sent


class Pigeons:
    def __init__(self, context):
        self._loft = asyncio.Queue()
        self._broken = False

    async def send(self, outgoing):
        if outgoing.body == "explode":
            raise RuntimeError(f"{outgoing!r} {outgoing.body}")
        if outgoing.body == "refuse":
            raise NotSent("no pigeon flies there", again=False, error_code=30006)
        if outgoing.body == "nothing":
            return None
        if outgoing.body == "none":
            return Sent(None)
        if outgoing.body == "hostile":
            name = outgoing.report("sent", channel_message_sid="a\\0b")
            told = outgoing.report("read", metadata=("pigeon", {"ring": ["\\ud800"]}))
            return Sent([name, outgoing.report("delivered"), told])
        if outgoing.body == "later":
            return Sent([outgoing.report("sent"), outgoing.report("delivered", after=0.2)])
        if outgoing.body == "cancel":
            raise asyncio.CancelledError
        if outgoing.body == "exit":
            raise SystemExit(1)
        if outgoing.body == "endless reason":
            raise NotSent("\\ud800\\0" * 1_000_000, again=False, error_code="x", status_code=10**40)
        if outgoing.body == "number":
            return Sent([outgoing.report("failed", error_code=2**63)], 10**40)
        if outgoing.body == "later number":
            return Sent([outgoing.report("failed", error_code=2**63, after=0.001)])
        if outgoing.body == "never":
            return Sent([outgoing.report("sent"), outgoing.report("read", after=float("inf"))])
        if outgoing.body == "name":
            return Sent([outgoing.report("sent", channel_message_sid="\\0")])
        if outgoing.body == "broken list":
            return Sent(1 // 0 for _ in "x")
        if outgoing.body == "nonsense":
            wrong = [outgoing.report("lost"), outgoing.report("read", error_code="x")]
            return Sent([wrong[0], outgoing.report("sent"), wrong[1]])
        self._loft.put_nowait(outgoing.report("delivered", metadata=("pigeon", {"ring": 7})))
        return Sent([outgoing.report("sent", channel_message_sid="PG" + outgoing.sid[2:])])

    async def reports(self):
        while True:
            report = await self._loft.get()
            if not self._broken:
                self._broken = True
                self._loft.put_nowait(report)
                raise RuntimeError("a hawk")
            yield Report("CH" + "0" * 32, "DY" + "0" * 32, "read")
            yield report

    async def close(self):
        pass
'''


@pytest.fixture
def pigeons(tmp_path):
    """A folder with an installed package that brings an adapter."""
    folder = tmp_path / "packages"
    (folder / "pigeons-1.0.dist-info").mkdir(parents=True)
    (folder / "pigeons.py").write_text(PIGEONS)
    (folder / "pigeons-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeons\n")
    entry_points = "[parlour.channels]\npigeon = pigeons:Pigeons\n"
    (folder / "pigeons-1.0.dist-info" / "entry_points.txt").write_text(entry_points)
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(path)}


@pytest.fixture
def scene(launch, pigeons):
    server = launch("--channels", "sms=pigeon", "--webhook-delays", "", **pigeons)
    with server.api() as api:
        scene = Scene(api, "Conversations/" + api.post("Conversations").json()["sid"])
        scene.join("+15550100001")
        yield scene


# What becomes of a message to the pigeons' adapter: its status, and the code of its error.
FATES = {
    "Hi": ("delivered", None),
    "later": ("delivered", None),
    "refuse": ("failed", 30006),
    "nonsense": ("sent", None),
    "hostile": ("delivered", None),
    "explode": ("failed", 30008),
    "nothing": (None, None),
    "none": (None, None),
}


@pytest.mark.long
def test_an_adapter_of_somebody_else_carries_its_channel(scene, tmp_path):
    for body, (status, error_code) in FATES.items():
        message = scene.post(Body=body)
        scene.until(scene.outgoing, lambda found: found[-1]["status"] != "pending")
        [receipt] = scene.reached(message, status)

        assert receipt["error_code"] == (error_code or 0), body
        if body == "Hi":
            assert receipt["channel_message_sid"] == "PG" + receipt["sid"][2:]
            metadata = scene.api.get(message["links"]["channel_metadata"]).json()
            assert (metadata["type"], metadata["data"]) == ("pigeon", {"ring": 7})
        if body == "explode":
            [attempt] = scene.outgoing()[-1]["attempts"]
            assert attempt["error"] == "the adapter failed"
    logged = (tmp_path / "errors.log").read_text()
    # The class of the error is for the operator, not for callers.
    assert re.search(r"adapter_failed .*adapter=Pigeons.* error=RuntimeError", logged)
    for text in ("a hawk", "explode", "+15550100001"):
        assert text not in logged


HOSTILE = {
    "cancel": "failed",
    "exit": "failed",
    "endless reason": "failed",
    "number": None,
    "later number": None,
    "never": "sent",
    "name": None,
    "broken list": None,
}


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "options", [pytest.param((), marks=pytest.mark.long), ("--control",)], ids=["process", "thread"]
)
def test_nothing_that_an_adapter_does_stops_its_lane(launch, pigeons, options):
    """In a worker that is a process, and in one that is a thread of a server under control."""
    server = launch("--channels", "sms=pigeon", "--webhook-delays", "", *options, **pigeons)
    with server.api() as api:
        scene = Scene(api, "Conversations/" + api.post("Conversations").json()["sid"])
        scene.join("+15550100001")
        messages = {body: scene.post(Body=body) for body in HOSTILE}
        scene.reached(scene.post(Body="Hi"), "delivered")
        found = {body: scene.receipts(message)[0]["status"] for body, message in messages.items()}
        deliveries = scene.outgoing()

    assert found == HOSTILE
    assert [len(each["attempts"]) for each in deliveries] == [1] * len(deliveries)
    assert all(each["attempts"][0]["error"] for each in deliveries[:-1])
    assert {len(each["attempts"][0]["error"]) <= 500 for each in deliveries[:-1]} == {True}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (["--channels", "sms=pigeon"], "there is no channel adapter 'pigeon', only http, simulated, smtp"),
        (["--channels", "fax=http"], "is not a channel and its adapter"),
        (["--channels", "sms"], "is not a channel and its adapter"),
        (["--channels", "sms=http"], "needs --gateway-url"),
        (["--channels", "sms=http", "--gateway-url", "example.org"], "--gateway-url must be http"),
        (["--channels", "email=smtp"], "needs PARLOUR_SMTP_URL"),
        (["--simulated-delays", "soon"], "must be seconds"),
        (["--simulated-delays", "3 1"], "none smaller than the one before it"),
        (["--simulated-delays", "0 1 2 3"], "up to 3 numbers"),
        (["--simulated-delays", "-1"], "up to 3 numbers"),
        (["--simulated-delays", "nan"], "up to 3 numbers"),
    ],
)
def test_a_setting_that_cannot_be_meant_stops_the_start(tmp_path, settings, reason):
    done = refused(tmp_path, *settings)

    assert done.returncode == 1
    assert reason in " ".join(done.stderr.split())


@pytest.mark.parametrize("url", ["smtp://", "http://host", "smtp://host:port", "smtp://host?starttls=maybe"])
def test_a_mail_server_that_is_none_stops_the_start(tmp_path, url):
    done = refused(tmp_path, "--channels", "email=smtp", PARLOUR_SMTP_URL=url)

    assert done.returncode == 1
    assert "PARLOUR_SMTP_URL" in done.stderr


def test_the_adapter_of_the_documentation_carries_a_channel(launch, tmp_path, pigeons):
    page = (Path(__file__).parents[2] / "docs/channels.md").read_text(encoding="utf-8")
    [example] = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (tmp_path / "packages/pigeons.py").write_text(example)
    server = launch("--channels", "sms=pigeon", **pigeons)
    with server.api() as api:
        scene = Scene(api, "Conversations/" + api.post("Conversations").json()["sid"])
        scene.join("+15550100001")
        scene.reached(scene.post(Body="Hi"), "sent")
        [receipt] = scene.reached(scene.post(), "failed")

    assert receipt["error_code"] == 30008


def test_what_is_not_named_is_simulated():
    names = chosen("email=smtp  sms=http")

    assert names == {
        "sms": "http",
        "whatsapp": "simulated",
        "messenger": "simulated",
        "rcs": "simulated",
        "email": "smtp",
    }


def test_the_worker_process_knows_the_servers_url(launch):
    receiver = Receiver()
    server = launch("--channels", "sms=http", "--gateway-url", receiver.url)
    with server.api() as api:
        scene = Scene(api, "Conversations/" + api.post("Conversations").json()["sid"])
        scene.join("+15550100001")
        message = scene.post(Body="Hi")
        [hook] = receiver.wait_for(1)
        answer = api.post(hook.parameters["StatusCallback"], Status="read")
        scene.reached(message, "read")
    receiver.close()

    assert hook.parameters["StatusCallback"].startswith(f"{server.url}/parlour/v1/")
    assert answer.status_code == 200
