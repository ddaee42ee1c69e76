"""PostgreSQL becomes read-only, as after a failover: writes are 503, reads go on, and it recovers."""

import pytest

from tests.commands import refused, run
from tests.files import wait_until
from tests.store.test_damage import Logged
from tests.webhooks.conftest import HOOKED

pytestmark = pytest.mark.parametrize("storage", ["postgresql"], indirect=True)

SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"


class Switch:
    """Makes a database read-only for every new session, and ends the others."""

    def __init__(self, storage):
        self._execute, self._name = storage._databases.execute, storage._name

    def set(self, value):
        self._execute(f"ALTER DATABASE {self._name} SET default_transaction_read_only = {value}")
        self._execute(SESSIONS.format(self._name))


@pytest.fixture
def read_only(storage):
    return Switch(storage)


@pytest.fixture
def logged(monkeypatch):
    logged = Logged()
    monkeypatch.setattr("parlour.store.health.log", logged)
    return logged.events


def test_writes_are_503_and_served_again_when_they_can_be(running, api, room, read_only, logged):
    ready = f"{running.url}/readyz"
    assert api.post(f"{room}/Messages", Body="before").status_code == 201
    assert api.request("GET", ready).status_code == 200
    read_only.set("on")
    not_ready = [api.request("GET", ready) for _ in range(2)]
    refused = [api.post(f"{room}/Messages", Body="lost?") for _ in range(3)]
    read = api.get(f"{room}/Messages")
    causes = [fields for event, fields in logged if event == "storage_unavailable"]
    read_only.set("off")
    taken = api.post(f"{room}/Messages", Body="after")

    assert [(each.status_code, each.json()["code"]) for each in [*not_ready, *refused]] == [(503, 20503)] * 5
    assert [message["body"] for message in read.json()["messages"]] == ["before"]
    assert causes == [{"side": "writes", "error": "the server is read-only"}]
    assert (taken.status_code, taken.json()["index"]) == (201, 1)
    assert api.request("GET", ready).status_code == 200


@pytest.mark.long
def test_the_worker_goes_on_when_it_can_write_again(launch, tmp_path, read_only, receiver):
    receiver.answer = lambda hook: (500, b"")
    server = launch("--webhook-delays", " ".join(["0.1"] * 200))
    with server.api() as api:
        api.session.headers.update(HOOKED)
        form = {"PostWebhookUrl": receiver.url, "Filters": "onConversationAdded"}
        assert api.post("Configuration/Webhooks", form).status_code == 200
        assert api.post("Conversations").status_code == 201
        wait_until(lambda: len(receiver.hooks) > 1)
        read_only.set("on")
        wait_until(lambda: "read-only" in (tmp_path / "errors.log").read_text())
        receiver.answer = lambda hook: (200, b"")
        read_only.set("off")
        path = f"{server.url}/parlour/v1/WebhookDeliveries"
        wait_until(
            lambda: (
                [each["status"] for each in api.request("GET", path).json().get("webhook_deliveries", [])]
                == ["delivered"]
            )
        )

    log = (tmp_path / "errors.log").read_text()
    assert "Traceback" not in log
    assert "child_ended" not in log


def test_a_server_is_not_started_with_a_standby_and_says_why(tmp_path, read_only, storage):
    read_only.set("on")
    ended = refused(tmp_path)

    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: the database cannot be used: the server is read-only. Check that ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cret@127.0.0.1:1/name",
        "postgresql://user:s3cret@127.0.0.1:1/name?sslmode=bogus",
        "postgresql://user:s3cret@127.0.0.1:1/name?connect_timeout=x",
        "postgresql://user:s3cret/x@127.0.0.1:1/name",
        "postgresql://user:12@s3cret@127.0.0.1:1/name",
    ],
)
def test_no_error_shows_a_password(tmp_path, url, storage):
    for ended in (refused(tmp_path, "--database", url), run(tmp_path, "account", "list", "--database", url)):
        assert ended.returncode == 1
        assert ended.stderr.startswith("Error: ")
        assert "s3cret" not in ended.stderr + ended.stdout
