"""Builds the ASGI application from the parts of a server."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from parlour import resources
from parlour.api import pipeline as pipelines
from parlour.api.access_log import AccessLog
from parlour.api.asgi import Application
from parlour.api.auth import Authenticator
from parlour.api.files import SignedLinks, Uploads
from parlour.api.health import Description, Health, Readiness
from parlour.api.inbound_media import InboundMedia
from parlour.api.lifespan import ClosedAtTheEnd
from parlour.api.openapi import describe
from parlour.api.pipeline import Pipeline
from parlour.api.pre_events import PreEvents
from parlour.api.routes import build_app
from parlour.bootstrap import Parts
from parlour.control.routes import Controlled, control_routes
from parlour.dropin.urls import ClientUrl
from parlour.resources.media import media
from parlour.webhooks.sender import Sender
from parlour.wire.profiles import PROFILES


class WebApp(NamedTuple):
    """The ASGI application. `forget` drops its caches: call it when all stored data was replaced."""

    asgi: AccessLog
    forget: Callable[[], None]


def build(parts: Parts) -> WebApp:
    """Return the application with all routes. With --intercept, URLs in answers have the client's host."""
    config, database, vault, blobs = parts.config, parts.database, parts.vault, parts.blobs
    allow_private, profile = config.allows_private_targets(), PROFILES[config.profile]
    urls = ClientUrl(parts.url) if config.intercept else lambda _: parts.url
    sender, authenticate = Sender(allow_private=allow_private), Authenticator(database, vault)
    uploads = Uploads(media, database, blobs)
    inbound_media = InboundMedia(database, uploads, allow_private=allow_private)
    pipeline = Pipeline(
        pipelines.Parts(
            database,
            blobs,
            authenticate,
            PreEvents(database, vault, sender),
            uploads,
            inbound_media,
            SignedLinks(vault, database.clock),
            urls,
            profile,
        )
    )
    app = build_app(resources.ALL, pipeline)
    app.add_middleware(ClosedAtTheEnd(sender.close, inbound_media.close))
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Readiness(database))
    app.add_route("/openapi.json", Description(partial(describe, resources.ALL, parts.url)))
    if parts.controls is None:
        return WebApp(AccessLog(Application(app)), pipeline.forget)
    server = Controlled(database, authenticate, pipeline, urls, profile)
    for path, responder in control_routes(parts.controls, server):
        app.add_route(path, responder)
    return WebApp(AccessLog(parts.controls.around(Application(app))), pipeline.forget)
