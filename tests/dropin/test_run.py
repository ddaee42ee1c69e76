"""`parlour run -- COMMAND`: a server of its own, signals, the exit status, and nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers import ACCOUNT_SID, AUTH_TOKEN, TIMEOUT_SECONDS, ServerProcess

POST = 'curl -sS -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" -d FriendlyName=Hello'
SERVICE = "https://conversations.twilio.com/v1"


def run(*words, options=(), **environment):
    return subprocess.run(
        [ServerProcess.PROGRAM, "run", *options, "--", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def test_a_command_speaks_to_the_services_own_name_and_reaches_us():
    ended = run("bash", "-c", f"{POST} {SERVICE}/Conversations && {POST} $PARLOUR_URL/v1/Conversations")

    assert ended.returncode == 0, ended.stderr
    assert f'"url":"{SERVICE}/Conversations/CH' in ended.stdout
    assert '"url":"http://127.0.0.1:' in ended.stdout
    assert ended.stderr == ""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["bash", "-c", "exit 7"], 7),
        pytest.param(["bash", "-c", "kill -9 $$"], 137, marks=pytest.mark.long),
        pytest.param(["/no/such/command"], 127, marks=pytest.mark.long),
    ],
)
def test_the_exit_status_is_the_commands(words, code):
    assert run(*words).returncode == code


def test_every_run_begins_empty_and_leaves_nothing():
    words = f"{POST} {SERVICE}/Conversations > /dev/null; curl -sS -u $TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN"
    ended = [run("bash", "-c", f"{words} {SERVICE}/Conversations; echo $SSL_CERT_FILE") for _ in range(2)]

    for each in ended:
        assert each.stdout.count('"friendly_name"') == 1
        folder = Path(each.stdout.splitlines()[-1]).parents[1]
        assert "parlour-" in folder.name
        assert not folder.exists()


def test_presets_and_settings_are_taken_from_the_environment():
    ended = run(
        "bash",
        "-c",
        "echo $TWILIO_ACCOUNT_SID $TWILIO_AUTH_TOKEN; curl -sS $PARLOUR_URL/healthz",
        PARLOUR_ACCOUNT_SID=ACCOUNT_SID,
        PARLOUR_AUTH_TOKEN=AUTH_TOKEN,
        PARLOUR_DATABASE="/no/such/folder/parlour.db",
        PARLOUR_PORT="1",
        PARLOUR_PUBLIC_URL="https://chat.example.com",
    )

    assert ended.stdout == f'{ACCOUNT_SID} {AUTH_TOKEN}\n{{"status":"ok"}}'


def test_a_server_that_does_not_start_is_told_in_a_line():
    ended = run("true", PARLOUR_SECRET_KEY="short")

    assert ended.returncode == 1
    assert ended.stderr == "Error: PARLOUR_SECRET_KEY must be 32 bytes in URL-safe base64\n"


@pytest.mark.parametrize(
    "each",
    [
        signal.SIGTERM,
        *(pytest.param(each, marks=pytest.mark.long) for each in (signal.SIGINT, signal.SIGHUP)),
    ],
)
def test_signals_reach_the_command(each):
    words = f"import signal; signal.signal({each.value}, lambda *_: exit(42)); print('up', flush=True)"
    process = subprocess.Popen(
        [ServerProcess.PROGRAM, "run", "--", sys.executable, "-c", f"{words}; signal.pause()"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout.readline() == "up\n"
    process.send_signal(each)

    assert process.wait(TIMEOUT_SECONDS) == 42
    process.stdout.close()


def test_a_server_does_not_outlive_a_run_that_was_killed():
    process = subprocess.Popen(
        [ServerProcess.PROGRAM, "run", "--", "bash", "-c", "pgrep -P $PPID -f 'parlour serve'"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    server = int(process.stdout.readline())
    process.kill()
    process.wait(TIMEOUT_SECONDS)
    process.stdout.close()

    assert ended(server)


def ended(pid):
    """Whether a process that is not our child comes to its end."""
    for _ in range(TIMEOUT_SECONDS * 20):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


# Left behind in three ways: in the same session, in one of its own, and deaf to SIGTERM.
LEFT_BEHIND = """
sleep 1000 & echo $!
setsid bash -c 'sleep 1000 & echo $!; echo $$; wait' &
setsid bash -c 'trap "" TERM; echo $$; while true; do sleep 0.1; done' &
sleep 1
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells of orphans")
def test_what_the_command_has_left_behind_is_ended():
    ended_run = run("bash", "-c", LEFT_BEHIND)
    left = list(map(int, ended_run.stdout.split()))

    assert len(left) == 4
    assert all(map(is_gone, left))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells of orphans")
@pytest.mark.long
@pytest.mark.parametrize("each", [signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_of_a_run_that_is_ended_by_a_signal(each):
    process = subprocess.Popen(
        [ServerProcess.PROGRAM, "run", "--", "bash", "-c", f"{LEFT_BEHIND}echo up; sleep 1000"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    left = list(map(int, iter(process.stdout.readline, "up\n")))
    process.send_signal(each)

    assert process.wait(TIMEOUT_SECONDS) == 128 + each
    process.stdout.close()
    assert len(left) == 4
    assert all(map(is_gone, left))


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
