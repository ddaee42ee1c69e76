"""Clients that ignore their environment reach the server: asynchronous Python, old clients, Node's fetch."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.servers import TIMEOUT_SECONDS, ServerProcess

SERVICES = "https://conversations.twilio.com/v1/Services"
ASYNCHRONOUS = """
import asyncio
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

async def main():
    async with AsyncTwilioHttpClient() as http:
        client = Client(http_client=http)
        made = await client.conversations.v1.conversations.create_async(friendly_name="Hello")
        print(made.url)

asyncio.run(main())
"""
# As twilio before 7.9.1 sends requests: the authorities of the environment are not looked up.
OLD = f"""
import os
import requests

session = requests.Session()
auth = os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"]
request = requests.Request("GET", "{SERVICES}", auth=auth)
print(session.send(session.prepare_request(request), allow_redirects=False).status_code)
"""
FETCH = f"""
const credentials = Buffer.from(process.env.TWILIO_ACCOUNT_SID + ":" + process.env.TWILIO_AUTH_TOKEN);
const headers = {{ authorization: "Basic " + credentials.toString("base64") }};
const get = async (url) => (await fetch(url, {{ headers }})).status;
(async () => {{
  const direct = process.env.PARLOUR_URL + "/v1/Services";
  console.log(...(await Promise.all([get("{SERVICES}"), get("{SERVICES}"), get(direct)])));
}})();
"""


def run(*words, options=(), folder=None, **environment):
    return subprocess.run(
        [ServerProcess.PROGRAM, "run", *options, "--", *words],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def test_the_asynchronous_client_for_python_takes_the_proxy():
    ended = run(sys.executable, "-c", ASYNCHRONOUS)

    assert ended.stdout.startswith("https://conversations.twilio.com/v1/Conversations/CH"), ended.stderr


def test_a_client_that_does_not_look_for_authorities_finds_ours():
    ended = run(sys.executable, "-c", OLD)

    assert ended.stdout == "200\n", ended.stderr


def test_a_sitecustomize_of_the_application_is_loaded_too(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins\nbuiltins.own = 'loaded'\n")
    own = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    ended = run(sys.executable, "-c", "print(own)", PYTHONPATH=own)

    assert ended.stdout == "loaded\n", ended.stderr


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not at hand")
def test_the_built_in_fetch_of_node_takes_the_proxy():
    ended = run("node", "-e", FETCH)

    assert ended.stdout == "200 200 200\n", ended.stderr


def test_programs_of_parlours_own_environment_come_first(tmp_path):
    other = tmp_path / "pytest"
    other.write_text("#!/bin/sh\necho another one\n")
    other.chmod(0o700)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    words = ("sh", "-c", "command -v pytest")

    assert run(*words, PATH=path, VIRTUAL_ENV="").stdout == f"{ServerProcess.PROGRAM.with_name('pytest')}\n"
    assert run("pytest", PATH=path, VIRTUAL_ENV=str(tmp_path)).stdout == "another one\n"


@pytest.mark.parametrize(
    ("program", "status", "reason"),
    [("/nonexistent", 127, "there is no such program"), (os.devnull, 126, "it is not a program")],
)
def test_a_program_that_cannot_be_run_is_told_in_one_line(program, status, reason):
    ended = run(program)

    assert ended.returncode == status
    assert ended.stderr == f"Error: {program} cannot be run: {reason}\n"
    assert ended.stdout == ""
