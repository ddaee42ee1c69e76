"""The main port over TLS: what it speaks, whom it waits for, and a certificate that is replaced."""

import os
import signal
import socket
import ssl
import time
import warnings
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from tests.certificates import common_name, connect, make_pair, trusting
from tests.files import wait_until
from tests.servers import Api
from tests.store.test_many_processes import children_of

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture
def pair(tmp_path):
    return make_pair(tmp_path)


def is_answered(connection):
    connection.sendall(HEALTH)
    return connection.recv(65_536).startswith(b"HTTP/1.1 200")


def plain(running):
    """A connection that says nothing of TLS by itself."""
    address = urlsplit(running.url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


def half_hello(running):
    """A connection whose handshake has begun and does not go on."""
    connection = plain(running)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    talk = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        talk.do_handshake()
    connection.sendall(outgoing.read()[:-10])
    return connection


def test_urls_begin_with_https_and_browsers_are_told_to_stay_with_it(start, pair):
    running = start(**pair.settings)
    with Api(running.url) as api:
        api.session.verify = str(pair.certificate)
        made = api.post("Conversations")
        api.post("Conversations")
        page = api.get("Conversations", PageSize=1).json()
        following = api.get(page["meta"]["next_page_url"]).json()

    assert running.url.startswith("https://127.0.0.1:")
    assert made.json()["url"].startswith(running.url)
    assert made.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert following["conversations"][0]["sid"] == made.json()["sid"]


def test_the_key_may_be_in_the_certificates_file(start, pair):
    both = pair.certificate.with_name("both.pem")
    both.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    with connect(start(tls_certificate=str(both)), pair) as connection:
        assert is_answered(connection)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_it_speaks_http_1_1_over_tls_1_2_and_newer(start, pair, version):
    context = trusting(pair)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(plain(start(**pair.settings)), server_hostname="localhost") as connection:
        assert connection.version() == version.name.replace("v1_", "v1.")
        assert connection.selected_alpn_protocol() == "http/1.1"
        assert is_answered(connection)


def test_it_does_not_speak_an_older_tls(start, pair):
    context = trusting(pair)
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with plain(start(**pair.settings)) as connection, pytest.raises(ssl.SSLError):
        context.wrap_socket(connection, server_hostname="localhost")


def test_a_request_without_tls_is_not_answered_and_harms_nobody(start, pair):
    running = start(**pair.settings)
    with plain(running) as connection:
        connection.sendall(HEALTH)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert not answer.startswith(b"HTTP/")
    with connect(running, pair) as connection:
        assert is_answered(connection)


@pytest.mark.parametrize("begin", [plain, half_hello])
def test_a_handshake_that_does_not_end_in_time_is_not_waited_for(start, pair, begin):
    running = start(head_seconds=0.2, **pair.settings)
    with begin(running) as connection:
        started = time.monotonic()
        assert connection.recv(65_536) == b""
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("begin", [plain, half_hello])
def test_handshakes_that_do_not_end_make_room_for_new_connections(start, pair, begin):
    running = start(max_connections=5, **pair.settings)
    with ExitStack() as stack:
        halves = [stack.enter_context(begin(running)) for _ in range(20)]
        whole = [stack.enter_context(connect(running, pair)) for _ in range(5)]

        assert all(is_answered(each) for each in whole)
        # The first ones had waited longest.
        assert halves[0].recv(65_536) == b""


def test_what_comes_with_the_end_of_the_handshake_is_not_lost(start, pair):
    running = start(**pair.settings)
    context, incoming, outgoing = trusting(pair), ssl.MemoryBIO(), ssl.MemoryBIO()
    talk = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with plain(running) as connection:
        while True:
            try:
                talk.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                incoming.write(connection.recv(65_536))
        # The client's last words of the handshake and its request, in one packet.
        talk.write(HEALTH)
        connection.sendall(outgoing.read())
        answer = b""
        while not answer:
            incoming.write(connection.recv(65_536))
            try:
                answer = talk.read(65_536)
            except ssl.SSLWantReadError:
                continue

    assert answer.startswith(b"HTTP/1.1 200")


def test_a_slow_reader_gets_the_whole_last_answer_of_its_connection(start, pair):
    running = start(**pair.settings)
    with connect(running, pair, receive_bytes=2_048) as connection:
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        # The server has closed its end, with most of the answer unsent.
        time.sleep(1.5)
        head, _, body = b"".join(iter(lambda: connection.recv(4_096), b"")).partition(b"\r\n\r\n")

    assert f"content-length: {len(body)}".encode() in head.lower()


def test_a_stop_does_not_wait_for_idle_clients(start, pair):
    running = start(**pair.settings)
    with connect(running, pair) as connection:
        assert is_answered(connection)
        started = time.monotonic()
        running.stop()
        assert time.monotonic() - started < 10


@pytest.mark.long
@pytest.mark.parametrize("options", [[], ["--workers", "2"]], ids=["one process", "workers"])
def test_a_renewed_certificate_is_used_without_losing_a_connection(launch, tmp_path, pair, options):
    launched = launch(*options, *pair.options)
    renewed = make_pair(tmp_path, "renewed", rsa_bits=2_048)
    with ExitStack() as stack:
        old = [stack.enter_context(connect(launched, pair)) for _ in range(8)]
        pair.replace(renewed)
        launched.process.send_signal(signal.SIGHUP)
        wait_until(lambda: log_of(launched).count("certificate_loaded") == (2 if options else 1))
        new = [stack.enter_context(connect(launched, renewed)) for _ in range(8)]

        assert {common_name(each) for each in new} == {"renewed"}
        assert all(is_answered(each) for each in old + new)
    assert launched.stop() == 0
    assert "child_ended" not in log_of(launched)


@pytest.mark.parametrize("options", [[], pytest.param(["--workers", "2"], marks=pytest.mark.long)])
def test_a_bad_certificate_is_refused_and_the_old_one_stays(launch, tmp_path, pair, options):
    launched = launch(*options, *pair.options)
    with ExitStack() as stack:
        # Each process has begun to answer.
        assert all(is_answered(stack.enter_context(connect(launched, pair))) for _ in range(8))
    before = pair.certificate.with_name("before.pem")
    before.write_bytes(pair.certificate.read_bytes())
    # The key stays as it was, so it does not belong to this certificate.
    pair.certificate.write_bytes(make_pair(tmp_path, "other").certificate.read_bytes())
    launched.process.send_signal(signal.SIGHUP)
    wait_until(lambda: log_of(launched).count("certificate_refused") == (2 if options else 1))

    assert "does not belong to the first certificate" in log_of(launched)
    with connect(launched, pair._replace(certificate=before)) as connection:
        assert is_answered(connection)
    assert launched.stop() == 0


def test_a_signal_to_all_processes_ends_none_of_them(launch, pair):
    launched = launch(*pair.options)
    before = children_of(launched)
    for _ in range(2):
        os.killpg(launched.process.pid, signal.SIGHUP)
    wait_until(lambda: "certificate_loaded" in log_of(launched))
    with connect(launched, pair) as connection:
        assert is_answered(connection)

    assert children_of(launched) == before
    assert "work" in before
    assert launched.stop() == 0
    assert "child_ended" not in log_of(launched)


def log_of(launched):
    return (launched.folder / "errors.log").read_text()
