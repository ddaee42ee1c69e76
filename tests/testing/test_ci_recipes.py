"""The recipes for CI in docs/testing.md: their lines start a server, wait for it and run tests against it."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.documents import read
from tests.servers import TIMEOUT_SECONDS

PORT, INSTALL = "8123", "pip install pytest parlour"
TEST = """
import json, os, urllib.request, base64

def test_the_server_answers():
    credentials = os.environ["PARLOUR_ACCOUNT_SID"] + ":" + os.environ["PARLOUR_AUTH_TOKEN"]
    request = urllib.request.Request(os.environ["PARLOUR_URL"] + "/v1/Conversations", b"FriendlyName=CI")
    request.add_header("Authorization", "Basic " + base64.b64encode(credentials.encode()).decode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request) as answer:
        assert json.load(answer)["friendly_name"] == "CI"
"""


def recipes():
    section = read("docs/testing.md").partition("## In CI\n")[2].partition("\n## ")[0]
    return [
        yaml.safe_load(block)
        for block in re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    ]


def github(recipe):
    """The variables, and the script of each step, as Actions runs them: each with a shell of its own."""
    [job] = recipe["jobs"].values()
    return job["env"], [step["run"] for step in job["steps"] if "run" in step and "if" not in step]


def gitlab(recipe):
    """The variables, and the one script that GitLab makes of the lines."""
    [job] = recipe.values()
    return job["variables"], ["\n".join(job["before_script"] + job["script"])]


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


@pytest.fixture
def shell(tmp_path):
    """Runs scripts, as CI does; what they leave in the background ends with the test."""
    started = []

    def shell(script, environment):
        output = (tmp_path / "output").open("a+")
        process = subprocess.Popen(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=tmp_path,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        started.append((process, output))
        code = process.wait(TIMEOUT_SECONDS)
        output.seek(0)
        return code, output.read()

    yield shell
    for process, output in started:
        output.close()
        try:
            os.killpg(process.pid, signal.SIGTERM)
        except ProcessLookupError:
            continue


@pytest.mark.long
@pytest.mark.parametrize(("number", "read_recipe"), [(0, github), (1, gitlab)], ids=["GitHub", "GitLab"])
def test_the_lines_of_a_recipe_run_tests_against_a_server(tmp_path, shell, free_port, number, read_recipe):
    variables, scripts = read_recipe(recipes()[number])
    (tmp_path / "test_server.py").write_text(TEST)
    programs = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "NO_PROXY": "127.0.0.1",
        "PATH": f"{programs}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path),
        **{name: value.replace(PORT, free_port) for name, value in variables.items()},
    }

    assert sum(INSTALL in each for each in scripts) == 1
    for each in scripts:
        # Parlour and pytest are there already, and the port and the folder may be another job's.
        script = each.replace(INSTALL, ":").replace(PORT, free_port).replace("/tmp/", f"{tmp_path}/")
        code, output = shell(script, environment)
        assert code == 0, output + (tmp_path / "parlour.log").read_text()
    assert "1 passed" in output


def test_there_is_a_recipe_for_each_of_two_hosts_and_no_step_is_left_out():
    assert len(recipes()) == 2
    assert github(recipes()[0])[1][-1] == "pytest"
    assert gitlab(recipes()[1])[1][0].endswith("\npytest")
