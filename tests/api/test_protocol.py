"""What a caller may do to HTTP itself: cut it off, break it, or pipeline it."""

import json
import socket
from urllib.parse import urlsplit

import pytest
from requests.auth import _basic_auth_str

from tests.servers import ACCOUNT_SID, AUTH_TOKEN

CREDENTIALS = _basic_auth_str(ACCOUNT_SID, AUTH_TOKEN)
HALF = b"Body=half+a+message"


@pytest.fixture
def speak(running):
    """Sends bytes, hangs up if asked to, and gives what came back until the server hung up."""

    def speak(raw, hang_up=False):
        address = urlsplit(running.url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(raw)
            if hang_up:
                connection.shutdown(socket.SHUT_WR)
            answer = b""
            while received := connection.recv(65_536):
                answer += received
        return answer

    return speak


def request(path, *lines, method="POST", body=b""):
    fields = [f"{method} /v1/{path} HTTP/1.1", "Host: localhost", f"Authorization: {CREDENTIALS}", *lines]
    return "\r\n".join([*fields, "", ""]).encode() + body


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 100", HALF),
        ("Content-Length: 20", HALF),
        ("Transfer-Encoding: chunked", b"13\r\n" + HALF + b"\r\n"),
        ("Transfer-Encoding: chunked", b"14\r\n" + HALF),
    ],
)
def test_of_a_body_that_is_cut_off_nothing_is_stored(api, room, speak, framing, body):
    speak(request(f"{room}/Messages", framing, body=body), hang_up=True)

    assert api.get(f"{room}/Messages").json()["messages"] == []


def test_a_chunked_body_is_taken(api, room, speak):
    chunks = b"e\r\nBody=in+pieces\r\n0\r\n\r\n"
    speak(request(f"{room}/Messages", "Transfer-Encoding: chunked", "Connection: close", body=chunks))

    assert [m["body"] for m in api.get(f"{room}/Messages").json()["messages"]] == ["in pieces"]


def test_what_is_not_http_is_told_so_in_the_envelope(speak):
    status, _, body = speak(b"GET / NONSENSE\r\n\r\n").partition(b"\r\n")

    assert status == b"HTTP/1.1 400 Bad Request"
    assert json.loads(body.partition(b"\r\n\r\n")[2])["code"] == 20001


def test_requests_may_follow_each_other_without_waiting(api, room, speak):
    form = [request(f"{room}/Messages", "Content-Length: 6", body=b"Body=%d" % n) for n in range(5)]
    close = request(f"{room}/Messages", "Connection: close", method="GET")
    answer = speak(b"".join(form) + close)

    assert answer.count(b"HTTP/1.1 201 Created") == 5
    assert [m["body"] for m in api.get(f"{room}/Messages").json()["messages"]] == list("01234")
