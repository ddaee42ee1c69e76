"""`parlour webhooks …`: prints deliveries as they happen, and receives webhooks for trying them out."""

import asyncio
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import click
import falcon.asgi
import msgspec
import uvicorn

from parlour import bootstrap
from parlour.cli.commands import Group
from parlour.cli.options import settings
from parlour.config import Config
from parlour.store import Database, Transaction
from parlour.store.credentials import secrets_match
from parlour.webhooks.outbox import attempts_in
from parlour.webhooks.signature import sign

TAIL_SECONDS = 0.2
NEWER = """SELECT date_updated, sid, event_type, status, attempts, conversation_sid, target_url
FROM webhook_deliveries WHERE date_updated >= ? ORDER BY date_updated, number"""

Row = tuple[int, str, str, str, str, str, str]


@click.group(cls=Group)
def webhooks() -> None:
    """Watch deliveries of webhooks, or receive webhooks."""


@webhooks.command("tail")
@settings("database")
def tail_webhooks(config: Config) -> None:
    """Print each attempt of a delivery as it happens, until Ctrl-C.

    A line has the SID, the event, the conversation, the target, the status and the last attempt.
    """
    database = Database(bootstrap.find_engine(config))
    try:
        asyncio.run(tail(database))
    finally:
        database.close()


@webhooks.command("listen")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5000, show_default=True, help="Port to listen on.")
@click.option(
    "--auth-token",
    envvar="TWILIO_AUTH_TOKEN",
    show_envvar=True,
    help="Check signatures with this auth token.",
)
def listen_webhooks(host: str, port: int, auth_token: str | None) -> None:
    """Receive webhooks, check their signatures and print them, until Ctrl-C."""
    listen(host, port, auth_token)


async def tail(database: Database) -> None:
    """Print a line for each delivery that is new or was attempted, forever."""
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
        # An attempt on another channel may have neither a status nor an error.
        last = f"{tries[-1].status_code or tries[-1].error or 'sent'} in {tries[-1].milliseconds} ms"
    return f"{sid} {event} {conversation_sid} {target_url} {status} ({last})"


class Listener:
    """Answers every webhook with 200, and prints its parameters and whether its signature is right."""

    def __init__(self, auth_token: str | None) -> None:
        self._auth_token = auth_token

    async def __call__(self, req: falcon.asgi.Request, resp: Any, **_: str) -> None:
        body = (await req.stream.read()).decode(errors="replace")
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
        return "signed" if secrets_match(given, expected) else "BAD SIGNATURE"


def listen(host: str, port: int, auth_token: str | None) -> None:
    app = falcon.asgi.App()
    app.add_sink(Listener(auth_token))
    config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, lifespan="off")
    with config.bind_socket() as listener:
        # It may have been 0, for any that is free.
        port = listener.getsockname()[1]
        click.echo(f"Listening on http://{host}:{port}/ for webhooks; Ctrl-C ends it.")
        uvicorn.Server(config).run([listener])
