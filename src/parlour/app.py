"""The composition root: the parts, put together into an ASGI application."""

from parlour import resources
from parlour.api.asgi import Application
from parlour.api.auth import Authenticator
from parlour.api.openapi import describe
from parlour.api.pipeline import Pipeline
from parlour.api.probes import Description, Health, Readiness
from parlour.api.routes import build_app
from parlour.api.telemetry import Telemetry
from parlour.control import Controls
from parlour.control.routes import Controlled, control_routes
from parlour.dropin.urls import ClientUrl
from parlour.store import Database
from parlour.store.credentials import Vault
from parlour.wire.profiles import Profile


def build(
    database: Database,
    vault: Vault,
    public_url: str,
    profile: Profile,
    *,
    intercept: bool = False,
    controls: Controls | None = None,
) -> Telemetry:
    """With `intercept`, URLs in answers carry the host that the client used."""
    urls = ClientUrl(public_url) if intercept else lambda _: public_url
    authenticate = Authenticator(database, vault)
    pipeline = Pipeline(database, authenticate, urls, profile)
    app = build_app(resources.ALL, pipeline)
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Readiness(database))
    app.add_route("/openapi.json", Description(describe(resources.ALL, public_url)))
    if controls is None:
        return Telemetry(Application(app))
    for path, responder in control_routes(
        controls, Controlled(database, authenticate, pipeline, urls, profile)
    ):
        app.add_route(path, responder)
    return Telemetry(controls.around(Application(app)))
