"""Requests that are refused before they reach the application, each with the API's error body."""

import json
import re
import socket
from urllib.parse import urlsplit

import pytest

from parlour.http.request_head import MAX_HEAD_BYTES, MAX_HEADERS, MAX_URL_BYTES

HOST = b"Host: here\r\n"
ENDLESS = b"x" * 300_000
CHUNKED = b"POST /v1/Conversations HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def speak(running):
    """Sends the pieces, and gives status and body of what came back until the server hung up."""

    def speak(*pieces):
        address = urlsplit(running.url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            for piece in pieces:
                connection.sendall(piece)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"\r\nconnection: close" in head
        return int(head.split()[1]), json.loads(body)

    return speak


REFUSED = {
    "an endless method": (501, [ENDLESS]),
    "an endless URL": (414, [b"GET /" + ENDLESS]),
    "an endless query": (414, [b"GET /v1?" + ENDLESS]),
    "a URL that is too long by a byte": (
        414,
        [b"GET /" + b"x" * MAX_URL_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n"],
    ),
    "an endless name": (431, [b"GET / HTTP/1.1\r\n" + HOST + ENDLESS]),
    "an endless value": (431, [b"GET / HTTP/1.1\r\n" + HOST + b"X: " + ENDLESS]),
    "an endless value, bit by bit": (431, [b"GET / HTTP/1.1\r\nX: ", *[b"x" * 1_000] * 20]),
    "empty lines without end": (431, [b"\r\n" * 150_000]),
    "a head that is too long by a byte": (
        431,
        [(b"GET / HTTP/1.1\r\n" + HOST + b"X: ").ljust(MAX_HEAD_BYTES - 3, b"x") + b"\r\n\r\n"],
    ),
    "too many headers": (431, [b"GET / HTTP/1.1\r\n" + HOST + b"a:b\r\n" * MAX_HEADERS + b"\r\n"]),
    "headers without end": (431, [b"GET / HTTP/1.1\r\n" + HOST + b"a:b\r\n" * 60_000]),
    "too many trailers": (431, [CHUNKED + b"0\r\n" + b"a:b\r\n" * MAX_HEADERS + b"\r\n"]),
    "trailers without end": (431, [CHUNKED + b"0\r\n" + b"a:b\r\n" * 60_000]),
    "an endless trailer": (431, [CHUNKED + b"0\r\nX: ", ENDLESS, ENDLESS]),
    "an endless extension of a chunk": (431, [CHUNKED + b"1;", ENDLESS, ENDLESS]),
    "a chunk without a size": (400, [CHUNKED + b"x\r\n"]),
    "another encoding": (400, [b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n"]),
    "HTTP/0.9": (505, [b"GET / HTTP/0.9\r\n\r\n"]),
    "HTTP/0.9 without a version": (505, [b"GET /\r\n\r\n"]),
    "HTTP/2.0": (505, [b"GET / HTTP/2.0\r\n" + HOST + b"\r\n"]),
    "HTTP/2 with prior knowledge": (505, [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]),
    "HTTP/1.1 without a host": (400, [b"GET /healthz HTTP/1.1\r\n\r\n"]),
    "two hosts": (400, [b"GET /healthz HTTP/1.1\r\n" + HOST * 2 + b"\r\n"]),
    "no path": (400, [b"GET healthz HTTP/1.1\r\n" + HOST + b"\r\n"]),
    "another scheme": (400, [b"GET ftp://here/ HTTP/1.1\r\n" + HOST + b"\r\n"]),
    "an unknown method": (501, [b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n"]),
    "a method of another protocol": (501, [b"PURGE /healthz HTTP/1.1\r\n" + HOST + b"\r\n"]),
    "a tunnel": (501, [b"CONNECT here:443 HTTP/1.1\r\n" + HOST + b"\r\nhello"]),
    "a TLS handshake": (400, [b"\x16\x03\x01\x02\x00\x01\x00"]),
    "a bare line feed": (400, [b"GET / HTTP/1.1\nHost: here\n\n"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_the_error_body_and_the_connection_is_closed(speak, name):
    status, pieces = REFUSED[name]
    answered, body = speak(*pieces)

    code = 20001 if status == 400 else 20000 + status
    assert (answered, body["status"], body["code"]) == (status, status, code)
    assert set(body) == {"code", "message", "more_info", "status"}


def test_a_bad_request_behind_a_good_one_leaves_that_one_its_answer(running):
    address = urlsplit(running.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\nGET / HTTP/2.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"505"]


def test_heads_at_their_limits_are_taken(running):
    address = urlsplit(running.url)
    fill = b"a: b\r\n" * (MAX_HEADERS - 3)
    head = b"GET /healthz?%s HTTP/1.1\r\nHost: here\r\nConnection: close\r\n" % (b"x" * (MAX_URL_BYTES - 9))
    head += fill + b"X: "
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(head.ljust(MAX_HEAD_BYTES - 5, b"x") + b"\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PATCH", "HEAD", "OPTIONS"])
def test_a_method_that_a_path_does_not_take_is_405(api, method):
    answer = api.request(method, "Conversations")

    assert answer.status_code == (200 if method == "OPTIONS" else 405)
    assert "GET" in answer.headers["Allow"]


def test_the_server_as_a_whole_may_be_asked_for_its_options(running):
    address = urlsplit(running.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(b"OPTIONS * HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert int(answer.split()[1]) < 500
