"""Who is let in, and for how long."""

import asyncio
import base64
import socket
from urllib.parse import urlsplit

import pytest

from parlour.api.auth import Authenticator
from parlour.api.collection import Caller
from parlour.resources.accounts import find_account, revoke_key, rotate_token
from tests.servers import ACCOUNT_SID, AUTH_TOKEN, Api


@pytest.fixture
def key(running):
    return running.create_key()


@pytest.fixture
def knock(running):
    """The status that somebody with these credentials gets."""

    def knock(username, password):
        with Api(running.url, username, password) as api:
            return api.get("Services").status_code

    return knock


def test_an_account_and_its_key_see_the_same(running, api, key):
    conversation = api.post("Conversations").json()
    with Api(running.url, *key) as with_key:
        assert with_key.get(conversation["url"]).json() == conversation


@pytest.mark.parametrize("header", [b"Basic \xff", b"Basic \xc3\xbc", b"\xff \xff", b"Basic " + b"A" * 9])
def test_a_header_of_any_bytes_is_refused_as_unknown(running, header):
    with socket.create_connection(urlsplit(running.url).netloc.split(":")) as connection:
        connection.sendall(b"GET /v1/Services HTTP/1.1\r\nHost: here\r\nAuthorization: %s\r\n\r\n" % header)

        assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")


def test_a_key_without_its_secret_is_nothing(knock, key):
    sid, secret = key

    assert knock(sid, secret) == 200
    assert knock(sid, AUTH_TOKEN) == knock(ACCOUNT_SID, secret) == knock(sid, secret.upper() + "0") == 401


def test_a_revoked_key_is_refused_after_a_second(running, knock, clock, key):
    assert knock(*key) == 200
    running.in_database(lambda tx: revoke_key(tx, key[0]))
    clock.advance(milliseconds=1_000)

    assert knock(*key) == 401


def test_an_old_token_is_refused_after_a_second(running, knock, clock):
    assert knock(ACCOUNT_SID, AUTH_TOKEN) == 200
    token = running.in_database(lambda tx: rotate_token(tx, running.vault, find_account(tx, ACCOUNT_SID)))
    assert knock(ACCOUNT_SID, token) == 200
    clock.advance(milliseconds=1_000)

    assert knock(ACCOUNT_SID, AUTH_TOKEN) == 401
    assert knock(ACCOUNT_SID, token) == 200


def test_a_clock_that_is_set_back_does_not_prolong_trust(running, knock, clock, key):
    assert knock(*key) == 200
    running.in_database(lambda tx: revoke_key(tx, key[0]))
    clock.advance(milliseconds=-1)

    assert knock(*key) == 401


def test_what_was_read_before_a_change_is_not_trusted_after_it():
    callers = [Caller(ACCOUNT_SID, "IS" + each * 32) for each in "ab"]

    class Database:
        """Its first read ends after the default service was changed."""

        def __init__(self):
            self.left = list(callers)

        def clock(self):
            return 0

        async def read(self, _):
            caller = self.left.pop(0)
            if self.left:
                authenticate.forget()
            return caller

    authenticate = Authenticator(Database(), None)
    header = "Basic " + base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()

    async def ask():
        return [await authenticate(header) for _ in range(3)]

    assert asyncio.run(ask()) == [callers[0], callers[1], callers[1]]
