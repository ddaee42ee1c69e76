"""What a connection may take: time for each of its parts, and a place among the others."""

import json
from contextlib import ExitStack

import pytest
from requests.auth import _basic_auth_str

from tests import certificates
from tests.certificates import make_pair
from tests.servers import ACCOUNT_SID, AUTH_TOKEN

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n"
CREDENTIALS = f"Authorization: {_basic_auth_str(ACCOUNT_SID, AUTH_TOKEN)}\r\n".encode()
POST = b"POST /v1/Conversations HTTP/1.1\r\nHost: here\r\n" + CREDENTIALS


@pytest.fixture(params=[False, True], ids=["plain", "TLS"])
def begin(request, start, tmp_path):
    """Starts a server; connections to it are plain, or over TLS."""
    pair = make_pair(tmp_path) if request.param else None

    def begin(**settings):
        running = start(**settings, **(pair.settings if pair else {}))
        running.pair = pair
        return running

    return begin


def connect(running):
    return certificates.connect(running, running.pair)


def rest_of(connection):
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def is_answered(connection):
    """Whether a request by this connection gets 200."""
    try:
        connection.sendall(HEALTH)
        return connection.recv(65_536).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


@pytest.mark.parametrize(
    ("setting", "sent", "status"),
    [
        ("head_seconds", b"", None),
        ("head_seconds", b"GET / HT", b"408"),
        ("head_seconds", HEALTH + b"GET / HT", b"408"),
        ("body_seconds", POST + b"Content-Length: 100\r\n\r\nFriendly", b"408"),
        ("body_seconds", POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nFrien", b"408"),
        ("idle_seconds", HEALTH, None),
    ],
)
def test_what_does_not_come_in_time_is_not_waited_for(begin, setting, sent, status):
    running = begin(**{setting: 0.1})
    with connect(running) as connection:
        connection.sendall(sent)
        answer = rest_of(connection)

    if sent.startswith(HEALTH):
        assert answer.startswith(b"HTTP/1.1 200")
        answer = answer.partition(b"\r\n\r\n")[2].partition(b"HTTP/")[2]
        answer = b"HTTP/" + answer if answer else answer
    if status is None:
        assert answer == b""
    else:
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == 20408


def test_a_client_that_reads_nothing_is_given_up(begin):
    running = begin(send_seconds=0.2, max_connections=1)
    with connect(running) as connection:
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: here\r\n\r\n" * 100)
        # Before that, it would be an idle one, which makes room for others at once.
        begun = connection.recv(12)
        while not new_connection_is_answered(running):
            pass
        answers = begun + rest_of(connection)

    assert 0 < answers.count(b"HTTP/1.1 200") < 100


def new_connection_is_answered(running):
    with connect(running) as connection:
        return is_answered(connection)


def test_new_connections_take_the_place_of_those_that_have_waited_longest(begin):
    running = begin(max_connections=10)
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(running)) for _ in range(10)]
        for each in idle:
            assert is_answered(each)
        assert is_answered(idle[0])
        late = [stack.enter_context(connect(running)) for _ in range(5)]
        assert all(is_answered(each) for each in late)

        # The first was used last, so it is still there.
        assert [is_answered(each) for each in idle] == [True, *[False] * 5, *[True] * 4]


def test_when_all_connections_are_busy_the_next_gets_503(begin):
    running = begin(max_connections=3)
    with ExitStack() as stack:
        busy = [stack.enter_context(connect(running)) for _ in range(3)]
        for each in busy:
            each.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 14\r\n\r\n")
        for each in busy:
            assert each.recv(65_536).startswith(b"HTTP/1.1 100")
        refused = stack.enter_context(connect(running))
        head, _, body = rest_of(refused).partition(b"\r\n\r\n")
        for each in busy:
            each.sendall(b"FriendlyName=x")
        answers = [each.recv(65_536) for each in busy]

        assert head.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 1\r\n" in head
        assert json.loads(body)["code"] == 20503
        assert all(answer.startswith(b"HTTP/1.1 201") for answer in answers)
        # One has an answer now and makes room.
        assert is_answered(stack.enter_context(connect(running)))
