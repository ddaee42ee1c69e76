"""`parlour webhooks tail` and `listen`, as one would use them beside a running server."""

import os
import re
import subprocess
import threading

import pytest

from tests.servers import AUTH_TOKEN, ServerProcess
from tests.webhooks.conftest import HOOKED


@pytest.fixture
def start_tool(tmp_path):
    """Starts `parlour webhooks …`; its lines are read one by one."""
    started = []

    def start_tool(*words, **environment):
        process = subprocess.Popen(
            [ServerProcess.PROGRAM, "webhooks", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_tool
    for process in started:
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize(
    ("token", "verdict"),
    [(AUTH_TOKEN, "signed"), pytest.param("0" * 32, "BAD SIGNATURE", marks=pytest.mark.long)],
)
def test_a_listener_prints_what_comes_and_a_tail_what_became_of_it(launch, start_tool, token, verdict):
    listener = start_tool("listen", "--port", "0", TWILIO_AUTH_TOKEN=token)
    [url] = re.findall(r"^Listening on (\S+)/ for webhooks", listener.stdout.readline())
    server = launch("--webhook-delays", "0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1 0.1")
    tail = start_tool("tail")
    with server.api() as api:
        api.session.headers.update(HOOKED)
        form = {"PostWebhookUrl": f"{url}/hook?x=1", "Filters": "onMessageAdded"}
        api.post("Configuration/Webhooks", form)
        room = api.post("Conversations").json()
        stop = threading.Event()

        def write():
            while not stop.wait(0.1):
                api.post(room["links"]["messages"], Body="Hi ü")

        writer = threading.Thread(target=write)
        writer.start()
        heard = listener.stdout.readline()
        body = [listener.stdout.readline() for _ in range(8)]
        seen = next(line for line in tail.stdout if "delivered" in line)
        stop.set()
        writer.join()

    assert heard == f"POST /hook?x=1 {verdict}\n"
    assert any('"Body": "Hi ü"' in line for line in body)
    assert seen.split()[1:3] == ["onMessageAdded", room["sid"]]
