"""Schemathesis throws what it can think of at every operation of our own description."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ACCOUNT_SID, AUTH_TOKEN, TIMEOUT_SECONDS

PROGRAM = Path(sys.executable).with_name("schemathesis")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
# It tries methods that nobody knows: for those 501 is right, which no other request may get.
METHODS = """
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "501"]
"""
# With these, requests reach what exists; without them, nearly all of them miss.
KNOWN = """
[parameters]
"path.ChatServiceSid" = "{service}"
"path.ConversationSid" = "{conversation}"
"path.MessageSid" = "{message}"

[[operations]]
include-path-regex = "/Messages/\\\\{{Sid\\\\}}$"
parameters = {{ "path.Sid" = "{message}" }}

[[operations]]
include-path-regex = "/Participants/\\\\{{Sid\\\\}}$"
parameters = {{ "path.Sid" = "alice" }}

[[operations]]
include-path-regex = "/Conversations/\\\\{{Sid\\\\}}$"
parameters = {{ "path.Sid" = "{conversation}" }}
"""


@pytest.fixture
def configuration(request, launch, tmp_path):
    """A running server, and what Schemathesis is told of it."""
    server = launch("--log-level", "warning")
    with server.api() as api:
        room = api.post("Conversations").json()
        message = api.post(f"Conversations/{room['sid']}/Messages", Body="Hello").json()
        api.post(f"Conversations/{room['sid']}/Participants", Identity="alice")
    known = KNOWN.format(service=room["chat_service_sid"], conversation=room["sid"], message=message["sid"])
    file = tmp_path / "schemathesis.toml"
    file.write_text(METHODS + (known if request.param == "known" else ""))
    return server, file


ANYTHING = ["--max-examples", "20"]
WHAT_EXISTS = ["--max-examples", "20", "--exclude-method", "DELETE", "--phases", "coverage,fuzzing"]
# A few requests to each operation: a fifth of the processor time of the others.
SHORT = ["--max-examples", "1", "--exclude-method", "DELETE", "--phases", "fuzzing"]


@pytest.mark.parametrize(
    ("configuration", "options"),
    [
        pytest.param("known", SHORT, id="what exists, in short"),
        pytest.param("known", WHAT_EXISTS, id="what exists", marks=pytest.mark.long),
        pytest.param("unknown", ANYTHING, id="anything", marks=pytest.mark.long),
    ],
    indirect=["configuration"],
)
def test_no_fault_and_no_answer_that_is_not_described(configuration, options, tmp_path):
    server, file = configuration
    words = ["--config-file", file, "run", f"{server.url}/openapi.json", "--checks", ",".join(CHECKS)]
    words += ["--auth", f"{ACCOUNT_SID}:{AUTH_TOKEN}", "--seed", "1"]
    ended = subprocess.run(
        [PROGRAM, *words, "--generation-database", "none", "--no-color", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=10 * TIMEOUT_SECONDS,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Tested: " in ended.stdout
