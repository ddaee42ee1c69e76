"""The reference page's own samples, unchanged, under `parlour run`; and the sample project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ACCOUNT_SID, TIMEOUT_SECONDS, ServerProcess

ROOT = Path(__file__).parents[2]
PAGE = ROOT.parent / "shared" / "contract" / "seed-service-conversation-message.md"
NODE_MODULES = ROOT / ".venv" / "node" / "node_modules"
DESK = ROOT / "examples" / "support_desk"

# In the order of the page: what each is to be answered with, and whether it prints the account's SID.
OPERATIONS = {
    "create": ("POST", 201, True),
    "fetch": ("GET", 200, True),
    "list": ("GET", 200, True),
    "update": ("POST", 200, True),
    "delete": ("DELETE", 204, False),
}
# The names that the samples use.
FIXTURE = f"""
services:
  - sid: IS{"a" * 32}
    friendly_name: Reference
    conversations:
      - unique_name: ConversationSid
        messages:
          - sid: IM{"a" * 32}
            author: message author
            body: Hello
"""
JAVA = """
import java.net.*;
import java.util.*;

public class Sample {
    public static void main(String[] arguments) throws Exception {
        URL url = new URL("https://conversations.twilio.com/v1/Services");
        HttpURLConnection connection = (HttpURLConnection) url.openConnection();
        String credentials = System.getenv("TWILIO_ACCOUNT_SID") + ":" + System.getenv("TWILIO_AUTH_TOKEN");
        String encoded = Base64.getEncoder().encodeToString(credentials.getBytes());
        connection.setRequestProperty("Authorization", "Basic " + encoded);
        System.out.println(connection.getResponseCode());
    }
}
"""


def samples(language, begins):
    text = PAGE.read_text() if PAGE.exists() else ""
    found = re.findall(rf"^```{language}\n({begins}.*?)^```", text, re.DOTALL | re.MULTILINE)
    return dict(zip(OPERATIONS, found, strict=bool(found)))


SAMPLES = {
    "python": ([sys.executable], "py", samples("python", "#")),
    "node": (["node"], "js", samples("js", "//")),
    "curl": (["bash"], "sh", samples("bash", "curl")),
}


def run(folder, *words, options=(), **environment):
    return subprocess.run(
        [ServerProcess.PROGRAM, "run", *options, "--", *words],
        cwd=folder,
        env={**os.environ, "PARLOUR_ACCOUNT_SID": ACCOUNT_SID, **environment},
        capture_output=True,
        text=True,
        timeout=2 * TIMEOUT_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("language", SAMPLES)
def test_a_sample_of_the_reference_page_runs_unchanged(tmp_path, language, operation):
    program, ending, found = SAMPLES[language]
    if not found:
        pytest.skip("the reference page is not beside this checkout")
    if shutil.which(program[0]) is None or (language == "node" and not NODE_MODULES.exists()):
        pytest.skip(f"what runs {language} is not at hand")
    (tmp_path / f"sample.{ending}").write_text(found[operation])
    (tmp_path / "fixture.yaml").write_text(FIXTURE)
    then_logs = f'"$@" && echo && {ServerProcess.PROGRAM} logs'
    words = ["bash", "-c", then_logs, "-", *program, f"sample.{ending}"]
    ended = run(tmp_path, *words, options=["--load", "fixture.yaml"], NODE_PATH=str(NODE_MODULES))
    method, status, prints = OPERATIONS[operation]
    *printed, logged = ended.stdout.splitlines()

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f" {method} /v1/Services/IS{'a' * 32}/Conversations/ConversationSid/Messages" in logged
    assert f" {status} " in logged
    assert (ACCOUNT_SID in "".join(printed)) == prints


@pytest.mark.skipif(shutil.which("javac") is None, reason="Java is not at hand")
def test_java_finds_its_way_and_trusts_the_authority(tmp_path):
    (tmp_path / "Sample.java").write_text(JAVA)
    ended = run(tmp_path, "java", "Sample.java")

    assert ended.stdout == "200\n", ended.stderr


def pytest_in_desk(folder, *words):
    shutil.copytree(DESK, folder / "desk")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [*words, sys.executable, "-m", "pytest", "-q"],
        cwd=folder / "desk",
        env=kept,
        capture_output=True,
        text=True,
        timeout=2 * TIMEOUT_SECONDS,
        check=False,
    )


def test_the_sample_project_is_green_under_parlour_run(tmp_path):
    ended = pytest_in_desk(tmp_path, ServerProcess.PROGRAM, "run", "--")

    assert "7 passed" in ended.stdout, ended.stdout + ended.stderr


def test_the_sample_project_is_green_by_the_plugin(tmp_path):
    ended = pytest_in_desk(tmp_path, "env", "PYTEST_ADDOPTS=--parlour")

    assert "7 passed" in ended.stdout, ended.stdout + ended.stderr
