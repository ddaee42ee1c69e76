"""`parlour serve`: how it starts, what it prints, and how it stops."""

import os
import re
import signal
import sqlite3
import stat
import subprocess
import threading

import pytest
import requests

from tests.commands import refused, run, run_process
from tests.files import names_in
from tests.servers import ACCOUNT_SID, AUTH_TOKEN, SECRET_KEY, TIMEOUT_SECONDS

# Far less than what a worker that hangs is waited for.
STOPPED_SECONDS = 8


def test_the_first_start_makes_an_account_and_a_curl_line_that_works(launch):
    server = launch(PARLOUR_ACCOUNT_SID="", PARLOUR_AUTH_TOKEN="")
    sid, token = re.findall(r"TWILIO_(?:ACCOUNT_SID|AUTH_TOKEN)=(\S+)", server.output)
    command = re.search(r"^  (curl .*)$", server.output, re.MULTILINE)[1]
    answer = subprocess.run(["bash", "-c", command], capture_output=True, check=True).stdout

    assert re.fullmatch("AC[0-9a-f]{32}", sid)
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert b'"friendly_name":"Hello"' in answer


def test_a_second_start_makes_nothing_and_tells_no_token(serve):
    first = serve(account_sid=None, auth_token=None)
    token = re.search(r"TWILIO_AUTH_TOKEN=(\S+)", first.output)[1]
    first.stop()
    second = serve(account_sid=None, auth_token=None)

    assert "TWILIO_" not in second.output
    assert token not in second.output


def test_a_preset_account_is_made_once_and_stays(serve):
    first = serve()
    conversation = first.api().post("Conversations").json()
    first.stop()
    second = serve()

    assert f"TWILIO_ACCOUNT_SID={ACCOUNT_SID}" in first.output
    assert second.api().get(f"Conversations/{conversation['sid']}").status_code == 200


def test_nothing_secret_lies_about(launch, tmp_path):
    server = launch()
    with server.api() as api:
        api.post("Conversations/none/Messages", Body="the body", Author="the author")
        room = api.post("Conversations", UniqueName="room").json()["sid"]
        api.post(
            f"Conversations/{room}/Messages",
            Body="the body",
            Author="the author",
            Attributes='"the attributes"',
        )
        api.post(f"Conversations/{room}/Messages", Body="the body" * 1_000, Author="the author")
    server.stop()
    log = (tmp_path / "errors.log").read_text()
    files = b"".join(file.read_bytes() for file in tmp_path.glob("parlour.db*") if file.is_file())

    assert stat.S_IMODE((tmp_path / "parlour.db.key").stat().st_mode) == 0o600
    assert AUTH_TOKEN.encode() not in files
    assert log.count("request ") == 4
    assert "RQ" in log
    for secret in ("the body", "the author", "the attributes", AUTH_TOKEN, "Basic"):
        assert secret not in log


@pytest.mark.parametrize(
    ("options", "environment", "reason"),
    [
        (["--database", "no/such/folder/parlour.db"], {}, "there is no folder no/such/folder"),
        (["--database", "text.db"], {}, "file is not a database"),
        (["--host", "192.0.2.1"], {}, "cannot listen on 192.0.2.1"),
        (["--port", "99999"], {}, "--port must be 0 to 65,535"),
        (["--port", "http"], {}, "not a valid integer"),
        (["--public-url", "chat.example.com"], {}, "--public-url must be"),
        (["--public-url", "http://chat.example.com:99999"], {}, "--public-url must be"),
        (["--public-url", "http://[bad"], {}, "--public-url must be"),
        (["--studio-url", "http://[bad"], {}, "--studio-url must be"),
        (["--studio-url", "http://2130706433/{FlowSid}"], {}, "--studio-url must be"),
        (["--webhook-delays", "1 soon"], {}, "--webhook-delays must be seconds"),
        (["--webhook-delays", "-1"], {}, "between 0 and a day"),
        (["--webhook-keep-days", "31"], {}, "0 to 30 days"),
        (["--profile", "loose"], {}, "'documented', 'observed'"),
        ([], {"PARLOUR_ACCOUNT_SID": "me"}, "PARLOUR_ACCOUNT_SID must be AC and 32 hex digits"),
        ([], {"PARLOUR_SECRET_KEY": "short"}, "32 bytes in URL-safe base64"),
    ],
)
def test_what_cannot_be_meant_is_told_in_a_line(tmp_path, options, environment, reason):
    (tmp_path / "text.db").write_text("not a database " * 100)
    ended = refused(tmp_path, *options, **environment)

    assert ended.returncode != 0
    assert reason in ended.stderr
    assert names_in(tmp_path) == ["text.db"]


def test_a_refusal_of_the_process_is_a_line_too(tmp_path):
    ended = run_process(tmp_path, "serve", "--port", "99999")

    assert ended.returncode == 1
    assert re.fullmatch(r"Error: --port must be 0 to 65,535.*\n", ended.stderr)
    assert names_in(tmp_path) == []


def test_a_port_that_is_taken_is_told_and_nothing_is_made(serve, tmp_path):
    port = serve().url.rpartition(":")[2]
    folder = tmp_path / "other"
    folder.mkdir()
    for options in (["--port", port], ["--intercept", "--intercept-port", port]):
        ended = refused(folder, *options)

        assert "Address already in use" in ended.stderr
        assert names_in(folder) == []


def test_another_secret_key_is_refused_at_the_start(serve, tmp_path):
    serve().stop()
    ended = refused(tmp_path, PARLOUR_SECRET_KEY=SECRET_KEY)

    assert ended.returncode == 1
    assert "not the one this database was made with" in ended.stderr


def test_a_secret_key_that_is_lost_is_not_made_anew_until_the_tokens_are(serve, tmp_path):
    serve().stop()
    (tmp_path / "parlour.db.key").unlink()
    ended = refused(tmp_path)
    assert ended.returncode == 1
    assert "the secret key is missing: parlour.db.key" in ended.stderr
    assert not (tmp_path / "parlour.db.key").exists()

    token = run(tmp_path, "account", "rotate-token", ACCOUNT_SID).stdout
    server = serve(auth_token=None)
    assert server.api(password=token.strip().rpartition("=")[2]).get("Services").status_code == 200


@pytest.mark.embedded
def test_a_database_of_a_newer_parlour_is_refused(serve, tmp_path):
    serve().stop()
    with sqlite3.connect(tmp_path / "parlour.db") as connection:
        connection.execute("INSERT INTO migrations VALUES (9999, '9999_future.sql')")
    connection.close()
    ended = refused(tmp_path)

    assert ended.returncode == 1
    assert "use a newer Parlour" in ended.stderr


@pytest.mark.parametrize("each", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_a_stop_finishes_what_was_accepted(launch, each):
    server = launch()
    room = server.api().post("Conversations").json()["sid"]
    acknowledged, started = [], threading.Barrier(9)

    def write():
        with server.api() as api:
            started.wait()
            try:
                while True:
                    answer = api.post(f"Conversations/{room}/Messages")
                    assert answer.status_code == 201
                    acknowledged.append(answer.json()["sid"])
            except requests.ConnectionError:
                return

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    started.wait()
    server.process.send_signal(each)
    for thread in threads:
        thread.join()
    assert server.process.wait(TIMEOUT_SECONDS) == 0

    again = launch()
    with again.api() as api:
        for sid in acknowledged:
            assert api.get(f"Conversations/{room}/Messages/{sid}").status_code == 200


def test_a_signal_to_server_and_worker_stops_both_at_once(launch, tmp_path):
    server = launch()
    os.killpg(server.process.pid, signal.SIGTERM)

    assert server.process.wait(STOPPED_SECONDS) == 0
    assert "worker_ended" not in (tmp_path / "errors.log").read_text()


@pytest.mark.long
def test_two_servers_share_one_database(launch):
    one, other = launch(), launch()
    room = one.api().post("Conversations").json()["sid"]
    path = f"Conversations/{room}/Messages"
    indexes = [(one, other)[n % 2].api().post(path).json()["index"] for n in range(20)]

    assert indexes == list(range(20))
    assert len(other.api().get(path).json()["messages"]) == 20


def test_settings_come_from_the_environment_too(launch):
    server = launch(PARLOUR_PUBLIC_URL="https://chat.example.com", PARLOUR_PROFILE="observed")

    assert "https://chat.example.com, profile observed" in server.output
