"""The composition root: the parts, put together into an ASGI application."""

from parlour import resources
from parlour.api.asgi import Application
from parlour.api.auth import Authenticator
from parlour.api.hooks import Farewell, Hooks
from parlour.api.openapi import describe
from parlour.api.pipeline import Pipeline
from parlour.api.probes import Description, Health, Readiness
from parlour.api.routes import build_app
from parlour.api.streams import Desk, add_files
from parlour.api.telemetry import Telemetry
from parlour.store import Database
from parlour.store.blobs import Blobs
from parlour.store.credentials import Vault
from parlour.webhooks.sender import Sender
from parlour.wire.profiles import Profile


def build(
    database: Database, vault: Vault, sender: Sender, blobs: Blobs, public_url: str, profile: Profile
) -> Telemetry:
    hooks, authenticate = Hooks(database, vault, sender), Authenticator(database, vault)
    app = build_app(resources.ALL, Pipeline(database, authenticate, hooks, public_url, profile))
    for files in resources.FILES:
        add_files(app, Desk(files, database, authenticate, blobs, vault, public_url))
    app.add_middleware(Farewell(sender))
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Readiness(database))
    app.add_route("/openapi.json", Description(describe(resources.ALL, public_url, resources.FILES)))
    return Telemetry(Application(app))
