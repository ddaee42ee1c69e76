"""Builds the ASGI application from the parts of a server."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from parlour import resources
from parlour.api.access_log import AccessLog
from parlour.api.application import Application
from parlour.api.auth import Authenticator
from parlour.api.client_url import AllowedHosts, ClientUrl
from parlour.api.collection import OURS
from parlour.api.files import SignedLinks, Uploads
from parlour.api.front_page import FrontPage
from parlour.api.health import (
    AUTHORITY_PATH,
    AuthorityCertificate,
    Liveness,
    OpenApiDocument,
    Readiness,
)
from parlour.api.late_clients import LateInboundMedia, LateSender
from parlour.api.openapi import describe
from parlour.api.pipeline import Pipeline, PipelineParts
from parlour.api.pre_events import PreEvents
from parlour.api.routes import methods_of, routes_of
from parlour.bootstrap import Parts
from parlour.config import Config
from parlour.dropin.urls import service_url
from parlour.http.sockets import scheme_of
from parlour.resources.accounts import find_caller
from parlour.resources.media import media
from parlour.resources.webhook_targets import find_pre_event_target
from parlour.wire.profiles import PROFILES


class WebApp(NamedTuple):
    """The ASGI application. `forget` drops its caches: call it when all stored data was replaced."""

    asgi: AccessLog
    forget: Callable[[], None]


def build(parts: Parts) -> WebApp:
    """Return the application with all routes."""
    config, database, vault, blobs = parts.config, parts.database, parts.vault, parts.blobs
    allow_private = config.allows_private_targets()
    sender = LateSender(allow_private=allow_private)
    uploads = Uploads(media, database, blobs)
    inbound_media = LateInboundMedia(database, uploads, allow_private=allow_private)
    pipeline_parts = PipelineParts(
        database,
        blobs,
        Authenticator(database, partial(find_caller, vault)),
        PreEvents(database, vault, sender, find_pre_event_target),
        uploads,
        inbound_media,
        SignedLinks(vault, database.clock),
        client_url(config, parts.url),
        PROFILES[config.profile],
    )
    pipeline, closing = Pipeline(pipeline_parts), (sender.close, inbound_media.close)
    routes = {
        "/": methods_of(FrontPage(parts.url)),
        "/healthz": methods_of(Liveness()),
        "/readyz": methods_of(Readiness(database)),
        "/openapi.json": methods_of(OpenApiDocument(partial(describe, resources.ALL, parts.url))),
        **routes_of(resources.ALL, pipeline),
    }
    if config.intercept:
        routes[AUTHORITY_PATH] = methods_of(AuthorityCertificate(config.authority_folder()))
    if parts.controls is None:
        return WebApp(AccessLog(Application(routes, *closing)), pipeline.forget)
    from parlour.control.routes import ROUTES  # noqa: PLC0415 - large; only needed with --control

    for path, route in ROUTES.items():
        routes[OURS + path] = methods_of(route(parts.controls, pipeline, pipeline_parts))
    return WebApp(AccessLog(parts.controls.wrap(Application(routes, *closing))), pipeline.forget)


def client_url(config: Config, default: str) -> ClientUrl:
    """Return what finds the start of URLs in answers: a host that clients may use, or `default`."""
    allowed = AllowedHosts(config.allowed_hosts, scheme_of(config))
    return ClientUrl(default, [service_url, allowed] if config.intercept else [allowed])
