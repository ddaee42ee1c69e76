"""The composition root: the parts, put together into an ASGI application."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from parlour import resources
from parlour.api.arrivals import Arrivals
from parlour.api.asgi import Application
from parlour.api.auth import Authenticator
from parlour.api.hooks import Farewell, Hooks
from parlour.api.openapi import describe
from parlour.api.pipeline import Pipeline
from parlour.api.probes import Description, Health, Readiness
from parlour.api.routes import add_files, build_app
from parlour.api.streams import Desk
from parlour.api.telemetry import Telemetry
from parlour.control import Controls
from parlour.control.routes import Controlled, control_routes
from parlour.dropin.urls import ClientUrl
from parlour.resources.media import media
from parlour.resources.webhook_targets import find_pre_event_target
from parlour.store import Database
from parlour.store.blobs import Blobs
from parlour.store.credentials import Vault
from parlour.webhooks.sender import Sender
from parlour.wire.profiles import Profile


class Parts(NamedTuple):
    """What the application stands on; `allow_private` says where it may go by what it is told."""

    database: Database
    vault: Vault
    blobs: Blobs
    allow_private: bool


class WebApp(NamedTuple):
    """The ASGI application; `forget` drops its caches, for when the stored data was replaced as a whole."""

    asgi: Telemetry
    forget: Callable[[], None]


def build(
    parts: Parts,
    public_url: str,
    profile: Profile,
    *,
    intercept: bool = False,
    controls: Controls | None = None,
) -> WebApp:
    """With `intercept`, URLs in answers carry the host that the client used."""
    database, vault, blobs, allow_private = parts
    urls = ClientUrl(public_url) if intercept else lambda _: public_url
    sender, authenticate = Sender(allow_private=allow_private), Authenticator(database, vault)
    desk = Desk(media, database, authenticate, blobs, vault, urls)
    arrivals = Arrivals(database, desk, allow_private=allow_private)
    hooks = Hooks(database, vault, sender, find_pre_event_target)
    pipeline = Pipeline(database, authenticate, hooks, arrivals, urls, profile)
    app = build_app(resources.ALL, pipeline)
    add_files(app, desk)
    app.add_middleware(Farewell(sender.close, arrivals.close))
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Readiness(database))
    app.add_route("/openapi.json", Description(partial(describe, resources.ALL, public_url, resources.FILES)))
    if controls is None:
        return WebApp(Telemetry(Application(app)), pipeline.forget)
    for path, responder in control_routes(
        controls, Controlled(database, authenticate, pipeline, urls, profile)
    ):
        app.add_route(path, responder)
    return WebApp(Telemetry(controls.around(Application(app))), pipeline.forget)
