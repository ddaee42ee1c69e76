"""The composition root: the parts, put together into an ASGI application."""

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
from parlour.control import Controls
from parlour.control.routes import Controlled, control_routes
from parlour.dropin.urls import ClientUrl
from parlour.resources.media import media
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

    asgi: AccessLog
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
    app.add_route("/openapi.json", Description(partial(describe, resources.ALL, public_url)))
    if controls is None:
        return WebApp(AccessLog(Application(app)), pipeline.forget)
    for path, responder in control_routes(
        controls, Controlled(database, authenticate, pipeline, urls, profile)
    ):
        app.add_route(path, responder)
    return WebApp(AccessLog(controls.around(Application(app))), pipeline.forget)
