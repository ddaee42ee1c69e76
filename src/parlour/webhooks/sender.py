"""Signed HTTP requests to targets, bounded in time and in the size of the reply."""

import contextlib
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import aiohttp
import yarl

from parlour.webhooks.encodings import BadEncoding, decoded
from parlour.webhooks.outbound_http import Forbidden, open_session, reason_of
from parlour.webhooks.signature import sign
from parlour.wire.urls import as_sent

TIMEOUT_SECONDS = 5.0
MAX_ANSWER_BYTES = 65_536
MAX_CONNECTIONS = 1_000
USER_AGENT = "TwilioProxy/1.1"
INVALID_URL = "the URL is not valid"


class TargetReply(NamedTuple):
    """A target's reply, or the error that there was instead; with `is_final`, a repetition would fail too.

    With both a status and an error, the target replied with a body that cannot be decoded.
    """

    milliseconds: int
    status_code: int | None = None
    body: bytes = b""
    error: str | None = None
    is_final: bool = False


class Sender:
    """Sends requests over connections that are kept open; never follows a redirect."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, method: str, url: str, parameters: Mapping[str, str], auth_token: str, idempotency_token: str
    ) -> TargetReply:
        """Sign and send a request; return the reply, of which at most MAX_ANSWER_BYTES are read.

        Every failure, such as no reply within TIMEOUT_SECONDS, is a TargetReply with an error.
        """
        started = time.perf_counter()
        try:
            address = as_sent(url) if method == "POST" else with_query(as_sent(url), parameters)
        except ValueError as error:
            # Today such a URL is refused when it is configured; this one was stored before.
            return TargetReply(0, error=f"{INVALID_URL}: {error}", is_final=True)
        form = dict(parameters) if method == "POST" else {}
        headers = {
            "Accept": "*/*",
            "User-Agent": USER_AGENT,
            "I-Twilio-Idempotency-Token": idempotency_token,
            "X-Twilio-Signature": sign(auth_token, as_signed(address), form.items()),
        }
        try:
            reply = await self._request(method, address, form, headers)
        except TimeoutError:
            return TargetReply(since(started), error=f"no answer within {TIMEOUT_SECONDS:g} s")
        except ValueError:
            # A port out of range, a host name that cannot be looked up, a scheme that is not HTTP's.
            return TargetReply(since(started), error=INVALID_URL, is_final=True)
        except (aiohttp.ClientError, OSError) as error:
            forbidden = isinstance(error.__cause__ or error, Forbidden)
            return TargetReply(since(started), error=reason_of(error), is_final=forbidden)
        return reply._replace(milliseconds=since(started))

    async def _request(
        self, method: str, address: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> TargetReply:
        if self._session is None:
            self._session = open_session(TIMEOUT_SECONDS, MAX_CONNECTIONS, allow_private=self._allow_private)
        data = urlencode(form) if method == "POST" else None
        kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"} if data else {}
        # `encoded`: the URL must be sent exactly as it was signed.
        target = yarl.URL(address, encoded=True)
        async with self._session.request(
            method, target, data=data, headers={**headers, **kind}, allow_redirects=False
        ) as answer:
            # The target has answered: an error in its body does not hide the status.
            try:
                return TargetReply(0, answer.status, await read_up_to(MAX_ANSWER_BYTES, answer))
            except BadEncoding as error:
                return TargetReply(0, answer.status, error=str(error))
            except TimeoutError:
                return TargetReply(
                    0, answer.status, error=f"its body did not end within {TIMEOUT_SECONDS:g} s"
                )
            except (aiohttp.ClientError, OSError, ValueError):
                return TargetReply(0, answer.status, error="its body is cut off, or not valid HTTP")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def read_up_to(limit: int, answer: aiohttp.ClientResponse) -> bytes:
    body = b""
    async with contextlib.aclosing(decoded(answer)) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) >= limit:
                break
    return body[:limit]


def as_signed(url: str) -> str:
    """Return a URL without user and password, which the receiver gets in a header."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"


def since(started: float) -> int:
    """Return the milliseconds since a `time.perf_counter()`."""
    return round((time.perf_counter() - started) * 1_000)
