"""`parlour webhooks …`: what is delivered, as it happens; and a receiver to try things out with."""

import asyncio
import hmac
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import click
import falcon.asgi
import msgspec
import uvicorn

from parlour.store import Database, Transaction
from parlour.webhooks.outbox import attempts_in
from parlour.webhooks.signature import sign

TAIL_SECONDS = 0.2
NEWER = """SELECT date_updated, sid, event_type, status, attempts, conversation_sid, target_url
FROM webhook_deliveries WHERE date_updated >= ? ORDER BY date_updated, number"""

Row = tuple[int, str, str, str, str, str, str]


async def tail(database: Database) -> None:
    """Print a line for each delivery that is new or has been tried, without end."""
    since = database.clock()
    shown: set[tuple[str, str, str]] = set()
    while True:
        for row in await database.read(partial(newer, since=since)):
            moment, sid, _, status, attempts, _, _ = row
            if moment > since:
                since, shown = moment, set()
            if (sid, status, attempts) not in shown:
                shown.add((sid, status, attempts))
                click.echo(describe(row))
        await asyncio.sleep(TAIL_SECONDS)


def newer(tx: Transaction, since: int) -> list[Row]:
    return tx.select(NEWER, since)


def describe(row: Row) -> str:
    _, sid, event, status, attempts, conversation_sid, target_url = row
    tries = attempts_in(attempts)
    last = "new"
    if tries:
        # Of what left for another channel there may be neither a status nor an error.
        last = f"{tries[-1].status_code or tries[-1].error or 'sent'} in {tries[-1].milliseconds} ms"
    return f"{sid} {event} {conversation_sid} {target_url} {status} ({last})"


class Listener:
    """Answers every webhook with 200, and prints what it was told."""

    def __init__(self, auth_token: str | None) -> None:
        self._auth_token = auth_token

    async def __call__(self, req: falcon.asgi.Request, resp: Any, **_: str) -> None:
        body = (await req.stream.read()).decode()
        pairs = parse_qsl(req.query_string if req.method == "GET" else body, keep_blank_values=True)
        signed = [] if req.method == "GET" else pairs
        verdict = self._verdict(req, signed)
        click.echo(f"{req.method} {req.relative_uri} {verdict}")
        click.echo(msgspec.json.format(msgspec.json.encode(dict(pairs)), indent=2).decode())
        resp.status = falcon.HTTP_200

    def _verdict(self, request: falcon.asgi.Request, signed: list[tuple[str, str]]) -> str:
        if self._auth_token is None:
            return "unchecked: no auth token is known"
        expected = sign(self._auth_token, request.uri, signed)
        given = request.get_header("X-Twilio-Signature") or ""
        return "signed" if hmac.compare_digest(given, expected) else "BAD SIGNATURE"


def listen(host: str, port: int, auth_token: str | None) -> None:
    app = falcon.asgi.App()
    app.add_sink(Listener(auth_token))
    config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, lifespan="off")
    click.echo(f"Listening on http://{host}:{port}/ for webhooks; Ctrl-C ends it.")
    uvicorn.Server(config).run()
