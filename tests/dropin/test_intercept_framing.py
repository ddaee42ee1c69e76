"""With --intercept: bodies, hosts and limits, whichever way a request comes."""

import json
import re
import resource
import socket
import ssl
import sys
from contextlib import ExitStack

import pytest
from requests.auth import _basic_auth_str

from tests.servers import ACCOUNT_SID, AUTH_TOKEN

HOST = "conversations.twilio.com"
CREDENTIALS = f"Authorization: {_basic_auth_str(ACCOUNT_SID, AUTH_TOKEN)}"
FORM = b"FriendlyName=hello"
CHUNKS = b"c\r\nFriendlyName\r\n6\r\n=hello\r\n0\r\nX: y\r\n\r\n"
OFFER = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"
POSTS = [
    ([OFFER, "Content-Length: 18"], FORM),
    (["Connection: upgrade\r\nUpgrade: websocket", "Transfer-Encoding: chunked"], CHUNKS),
    (["Expect: 100-continue", "Content-Length: 18"], FORM),
]
WAYS = ["plain", "tls", "connect", "absolute"]


@pytest.fixture
def intercept(serve, tmp_path):
    return lambda **settings: with_its_front(serve(intercept=True, **settings), tmp_path)


def with_its_front(server, folder):
    server.front = int(re.search(r"Intercepting at \S+:(\d+):", server.output)[1])
    server.context = ssl.create_default_context(cafile=folder / "parlour.db.authority" / "ca.pem")
    return server


def connect(server, way):
    port = int(server.url.rpartition(":")[2]) if way == "plain" else server.front
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if way == "connect":
        connection.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())
        assert connection.recv(1_000) == b"HTTP/1.1 200 Connection established\r\n\r\n"
    if way in {"tls", "connect"}:
        return server.context.wrap_socket(connection, server_hostname=HOST)
    return connection


def send(server, way, lines, body=b"", host=HOST, step=1_000_000):
    """All that comes back for a request to make a conversation, sent in steps of so many bytes."""
    target = f"http://{HOST}/v1/Conversations" if way == "absolute" else "/v1/Conversations"
    head = "\r\n".join([f"POST {target} HTTP/1.1", f"Host: {host}", CREDENTIALS, *lines, "", ""]).encode()
    request = head + body
    if way != "absolute":
        request += b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
    with connect(server, way) as connection:
        for start in range(0, len(request), step):
            connection.sendall(request[start : start + step])
        return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.mark.parametrize("way", WAYS)
def test_a_body_is_its_requests_whatever_is_offered_and_however_it_is_split(intercept, way):
    server = intercept()
    for lines, body in POSTS:
        for step in (1, 7, 1_000_000):
            answer = send(server, way, lines, body, step=step)

            assert re.findall(rb"HTTP/1.1 (2\d\d)", answer) == [b"201"] + [b"200"] * (way != "absolute")
            assert b'"friendly_name":"hello"' in answer


@pytest.mark.parametrize("public_url", [None, "https://public.example"])
def test_only_the_services_hosts_are_repeated_in_urls(intercept, public_url):
    server = intercept(public_url=public_url)
    for way, host, url in [
        # The port of a server with a public URL is not printed.
        (("plain" if public_url is None else "tls"), "evil.example", server.url),
        ("tls", f"{HOST}@evil.example", server.url),
        ("connect", HOST, f"https://{HOST}"),
        ("absolute", "evil.example", f"https://{HOST}"),
    ]:
        answer = send(server, way, ["Content-Length: 0"], host=host)

        assert f'"url":"{url}/v1/Conversations/CH'.encode() in answer, (way, host)
        assert b"evil.example" not in answer


@pytest.mark.parametrize("way", WAYS)
def test_an_endless_head_is_refused_on_each_way(intercept, way):
    server = intercept()
    line = f"GET http://{HOST}/ HTTP/1.1" if way == "absolute" else "GET / HTTP/1.1"
    with connect(server, way) as connection:
        connection.sendall(f"{line}\r\nHost: {HOST}\r\nX: ".encode() + b"x" * 40_000)
        answer = connection.recv(65_536)

    assert answer.startswith(b"HTTP/1.1 431 ")
    if way != "absolute":
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == 20431


@pytest.mark.parametrize("sent", [b"", b"GET", b"\x16", f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode()])
def test_a_head_that_does_not_come_is_not_waited_for(intercept, sent):
    server = intercept(head_seconds=1)
    with socket.create_connection(("127.0.0.1", server.front), timeout=30) as connection:
        connection.sendall(sent)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert b" 408 " in answer or answer == (
        b"HTTP/1.1 200 Connection established\r\n\r\n" if sent[3:] else b""
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set from outside")
def test_when_descriptors_are_few_idle_connections_to_the_proxy_make_room(launch, tmp_path):
    words = ["--intercept", "--intercept-port", "0", "--log-level", "error"]
    launched = with_its_front(launch(*words), tmp_path)
    resource.prlimit(launched.process.pid, resource.RLIMIT_NOFILE, (100, 100))
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(socket.create_connection(("127.0.0.1", launched.front), timeout=30))
        for way in WAYS:
            assert b"HTTP/1.1 201" in send(launched, way, ["Content-Length: 0"])
