"""The composition root: the parts, put together into an ASGI application."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote

import falcon.asgi

from parlour import resources
from parlour.api.auth import Authenticator
from parlour.api.openapi import describe
from parlour.api.pipeline import Pipeline
from parlour.api.probes import Description, Health, Readiness
from parlour.api.routes import build_app
from parlour.store import Database
from parlour.store.credentials import Vault
from parlour.wire.profiles import Profile

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Application:
    """Falcon's application, routed by the path as it was sent.

    ASGI servers decode `%2F` in a path before the application sees it; a unique name may hold one.
    """

    def __init__(self, app: falcon.asgi.App[Any, Any]) -> None:
        self._app = app

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["path"] = as_ascii(scope["raw_path"])
            scope["query_string"] = as_ascii(scope["query_string"]).encode()
        await self._app(scope, receive, send)


def as_ascii(raw: bytes) -> str:
    return raw.decode() if raw.isascii() else quote(raw, safe="/?&=%+!$'()*,;:@~")


def build(database: Database, vault: Vault, public_url: str, profile: Profile) -> Application:
    pipeline = Pipeline(database, Authenticator(database, vault), public_url, profile)
    app = build_app(resources.ALL, pipeline)
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Readiness(database))
    app.add_route("/openapi.json", Description(describe(resources.ALL, public_url)))
    return Application(app)
