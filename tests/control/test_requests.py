"""The list of requests that were answered, and `parlour logs`."""

import socket
import subprocess
import threading

import pytest
import requests

from tests.commands import run
from tests.servers import ACCOUNT_SID, AUTH_TOKEN, TIMEOUT_SECONDS, ServerProcess


def test_each_request_is_told_with_the_operation_that_it_matched(api, control, room):
    control.post("Reset")
    control.post("Clock", now="2024-01-01T00:00:00Z", stopped=True)
    api.post("Conversations", UniqueName="secret")
    api.get("Conversations/none/Messages", PageSize=2)
    api.get("Nonsense")
    made, missed, unknown = control.get("Requests")["requests"]

    assert made == {
        "id": made["id"],
        "date": "2024-01-01T00:00:00.000Z",
        "method": "POST",
        "path": "/v1/Conversations",
        "query": "",
        "operation": "POST /v1/Conversations",
        "unserved": None,
        "status": 201,
        "error_code": None,
        "milliseconds": made["milliseconds"],
        "request_body": None,
        "response_body": None,
    }
    assert missed["operation"] == "GET /v1/Conversations/{ConversationSid}/Messages"
    assert (missed["path"], missed["query"]) == ("/v1/Conversations/none/Messages", "PageSize=2")
    assert (missed["status"], missed["error_code"]) == (404, 20404)
    assert (unknown["operation"], unknown["status"]) == (None, 404)


def test_bodies_are_kept_if_the_setting_asks_for_them(serve):
    server = serve(control=True, request_bodies=True)
    with server.api() as api:
        api.post("Conversations", UniqueName="room")
        [seen] = api.get(f"{server.url}/parlour/v1/Requests").json()["requests"]

    assert seen["request_body"] == "UniqueName=room"
    assert '"unique_name":"room"' in seen["response_body"]


def test_an_answer_that_was_never_sent_has_no_status(api, control, room):
    control.post("Faults", kind="drop_after")
    with pytest.raises(requests.ConnectionError):
        api.post(f"{room}/Messages")
    last = control.get("Requests")["requests"][-1]

    assert (last["operation"], last["status"]) == ("POST /v1/Conversations/{ConversationSid}/Messages", None)


def test_those_after_one_are_asked_for_and_waited_for(api, control, room):
    last = control.get("Requests")["requests"][-1]["id"]
    assert control.get(f"Requests?After={last}") == {"requests": []}
    assert control.get(f"Requests?After={last}&Wait=0.01") == {"requests": []}

    found = []
    waiting = threading.Thread(
        target=lambda: found.extend(control.get(f"Requests?After={last}&Wait=60")["requests"])
    )
    waiting.start()
    with requests.Session() as other:
        other.trust_env = False
        other.get(f"{api.url}/v1/Services", auth=(ACCOUNT_SID, AUTH_TOKEN), timeout=TIMEOUT_SECONDS)
    waiting.join()

    assert [each["path"] for each in found] == ["/v1/Services"]


def test_the_list_is_emptied(control, room):
    control.delete("Requests")

    assert control.get("Requests") == {"requests": []}


def test_logs_prints_them_and_follows(controlled, api, room, tmp_path):
    port = controlled.url.rpartition(":")[2]
    words = ["logs", "--port", port]
    printed = run(tmp_path, *words).stdout
    program = [ServerProcess.PROGRAM, *words, "--follow"]
    with subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as following:
        first = following.stdout.readline()
        api.get("Services")
        second = following.stdout.readline()
        following.terminate()

    assert first == printed
    assert " POST /v1/Conversations 201 " in first
    assert " GET /v1/Services 200 " in second


def test_logs_says_when_nobody_answers(tmp_path):
    credentials = {"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
    ended = run(tmp_path, "logs", PARLOUR_URL="http://127.0.0.1:9", **credentials)

    assert ended.returncode == 1
    assert "no server answers at http://127.0.0.1:9" in ended.stderr


def test_logs_says_what_to_do_with_a_server_that_refuses(serve, controlled, tmp_path):
    known = {"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
    without = run(tmp_path, "logs", PARLOUR_URL=serve().url, **known)
    unknown = run(tmp_path, "logs", PARLOUR_URL=controlled.url, **known | {"TWILIO_AUTH_TOKEN": "other"})

    assert without.returncode == unknown.returncode == 1
    assert "runs without --control: start it with this option" in without.stderr
    assert "set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN beside PARLOUR_URL" in unknown.stderr


def test_an_option_that_names_the_server_counts_more_than_the_variable(controlled, api, room, tmp_path):
    port = controlled.url.rpartition(":")[2]

    assert (
        " POST /v1/Conversations 201 "
        in run(tmp_path, "logs", "--port", port, PARLOUR_URL="http://x.test").stdout
    )


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        ("logs", "if it speaks TLS, its URL begins with https://"),
        ("env", "none intercepts at http://127.0.0.1:19: start the server with --intercept"),
    ],
)
def test_a_server_that_speaks_tls_is_told_from_none(command, advice, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=close_one, args=[listening])
        thread.start()
        port = str(listening.getsockname()[1])
        known = {"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
        words = [] if command == "logs" else ["--port", port, "--intercept-port", "19"]
        done = run(tmp_path, command, *words, PARLOUR_URL=f"http://127.0.0.1:{port}", **known)
        thread.join()

    assert done.returncode == 1
    assert advice in done.stderr


def close_one(listening):
    """As a server does that expects a handshake and gets a request."""
    connection, _ = listening.accept()
    connection.recv(65_536)
    connection.close()
