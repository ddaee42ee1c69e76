"""Programs for the original run unchanged under `parlour run`: clients, curl, the sample project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ACCOUNT_SID, TIMEOUT_SECONDS, ServerProcess
from tests.testing.test_plugin import NO_OTHERS

ROOT = Path(__file__).parents[2]
# The reference page, where it is at hand: its own samples then run too.
PAGE = ROOT.parent / "shared" / "contract" / "seed-service-conversation-message.md"
NODE_MODULES = ROOT / ".venv" / "node" / "node_modules"
DESK = ROOT / "examples" / "support_desk"

# In the order of the programs: method, status, and whether the program prints the account's SID.
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


# The five operations in each language, as users of the official clients write them.
MESSAGES = f"https://conversations.twilio.com/v1/Services/IS{'a' * 32}/Conversations/ConversationSid/Messages"
MESSAGE = f"IM{'a' * 32}"
PYTHON = f"""
import os
from twilio.rest import Client

client = Client(os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"])
conversation = client.conversations.v1.services("IS{"a" * 32}").conversations("ConversationSid")
print(conversation.messages.create(body="Hi").account_sid)
print(conversation.messages("{MESSAGE}").fetch().account_sid)
print(conversation.messages.list(limit=20)[0].account_sid)
print(conversation.messages("{MESSAGE}").update(body="Edited").account_sid)
conversation.messages("{MESSAGE}").delete()
"""
JAVASCRIPT = f"""
const client = require("twilio")(process.env.TWILIO_ACCOUNT_SID, process.env.TWILIO_AUTH_TOKEN);
const conversation = client.conversations.v1.services("IS{"a" * 32}").conversations("ConversationSid");
const message = conversation.messages("{MESSAGE}");
(async () => {{
  console.log((await conversation.messages.create({{ body: "Hi" }})).accountSid);
  console.log((await message.fetch()).accountSid);
  console.log((await conversation.messages.list({{ limit: 20 }}))[0].accountSid);
  console.log((await message.update({{ body: "Edited" }})).accountSid);
  await message.remove();
}})();
"""
CURL = f"""
as_account="curl --silent --show-error --fail --user $TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN"
$as_account --request POST "{MESSAGES}" && echo
$as_account "{MESSAGES}/{MESSAGE}" && echo
$as_account "{MESSAGES}?PageSize=20" | tr --delete '\\n' && echo
$as_account --request POST --data-urlencode Body=Edited "{MESSAGES}/{MESSAGE}" && echo
$as_account --request DELETE "{MESSAGES}/{MESSAGE}"
"""
LANGUAGES = {
    "python": ([sys.executable], "py", PYTHON, ("python", "#")),
    "node": (["node"], "js", JAVASCRIPT, ("js", "//")),
    "curl": (["bash", "-e"], "sh", CURL, ("bash", "curl")),
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


def run_sample(folder, language, text):
    """Run a program over the fixture; return the lines that it printed and the log lines of its requests."""
    program, ending, *_ = LANGUAGES[language]
    if shutil.which(program[0]) is None or (language == "node" and not has_node_packages()):
        pytest.skip(why_not(language, program[0]))
    (folder / f"sample.{ending}").write_text(text)
    (folder / "fixture.yaml").write_text(FIXTURE)
    then_logs = f'"$@" && echo && echo requests: && {ServerProcess.PROGRAM} logs'
    words = ["bash", "-c", then_logs, "-", *program, f"sample.{ending}"]
    ended = run(folder, *words, options=["--load", "fixture.yaml"], NODE_PATH=str(NODE_MODULES))

    assert ended.returncode == 0, ended.stdout + ended.stderr
    printed, logged = ended.stdout.split("requests:\n")
    return printed.splitlines(), logged.splitlines()


def has_node_packages(modules=NODE_MODULES):
    return modules.exists() and not modules.with_name("failed.txt").exists()


def why_not(language, program, modules=NODE_MODULES):
    if shutil.which(program) is None:
        return f"{program} is not installed"
    failed = modules.with_name("failed.txt")
    said = failed.read_text().splitlines() if failed.exists() else ["make test installs them"]
    return f"the packages for {language} are missing: {said[0] if said else 'npm failed'}"


def is_request(line, operation):
    method, status, _ = OPERATIONS[operation]
    path = f"/v1/Services/IS{'a' * 32}/Conversations/ConversationSid/Messages"
    return f" {method} {path}" in line and f" {status} " in line


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_for_the_original_runs_unchanged(tmp_path, language):
    printed, logged = run_sample(tmp_path, language, LANGUAGES[language][2])

    assert [ACCOUNT_SID in line for line in printed if line] == [True] * 4
    assert len(logged) == len(OPERATIONS)
    assert all(map(is_request, logged, OPERATIONS)), logged


def samples_of_the_page(language):
    name, begins = LANGUAGES[language][3]
    found = re.findall(rf"^```{name}\n({begins}.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return dict(zip(OPERATIONS, found, strict=True))


if PAGE.exists():

    @pytest.mark.long
    @pytest.mark.parametrize("operation", OPERATIONS)
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_a_sample_of_the_reference_page_runs_unchanged(tmp_path, language, operation):
        printed, [logged] = run_sample(tmp_path, language, samples_of_the_page(language)[operation])

        assert is_request(logged, operation)
        assert (ACCOUNT_SID in "".join(printed)) == OPERATIONS[operation][2]


@pytest.mark.skipif(shutil.which("javac") is None, reason="Java is not at hand")
@pytest.mark.long
def test_java_finds_its_way_and_trusts_the_authority(tmp_path):
    (tmp_path / "Sample.java").write_text(JAVA)
    ended = run(tmp_path, "java", "Sample.java")

    assert ended.stdout == "200\n", ended.stderr


def pytest_in_desk(folder, *words):
    shutil.copytree(DESK, folder / "desk")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(
        [*words, sys.executable, "-m", "pytest", "-q", *NO_OTHERS],
        cwd=folder / "desk",
        env=kept,
        capture_output=True,
        text=True,
        timeout=2 * TIMEOUT_SECONDS,
        check=False,
    )


@pytest.mark.long
def test_the_sample_project_is_green_under_parlour_run(tmp_path):
    ended = pytest_in_desk(tmp_path, ServerProcess.PROGRAM, "run", "--")

    assert "7 passed" in ended.stdout, ended.stdout + ended.stderr


@pytest.mark.long
def test_the_sample_project_is_green_by_the_plugin(tmp_path):
    ended = pytest_in_desk(tmp_path, "env", "PYTEST_ADDOPTS=--parlour")

    assert "7 passed" in ended.stdout, ended.stdout + ended.stderr
