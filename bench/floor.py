"""The floor: a server on Falcon and uvicorn that reads the form, returns fixed bytes and stores nothing."""

import sys
from pathlib import Path
from typing import Any

from falcon.asgi import App, Request, Response

from bench.serving import serve
from parlour.api.body import MAX_FORM_BYTES
from parlour.api.forms import parse_form

PATH = "/v1/Services/{service_sid}/Conversations/{conversation_sid}/Messages"
JSON = "application/json"


class Messages:
    def __init__(self, created: bytes, listed: bytes) -> None:
        self._created, self._listed = created, listed

    async def on_post(self, request: Request, response: Response, **_: str) -> None:
        parse_form(await request.stream.read(MAX_FORM_BYTES + 1))
        response.data, response.content_type, response.status = self._created, JSON, 201

    async def on_get(self, _: Request, response: Response, **__: str) -> None:
        response.data, response.content_type = self._listed, JSON


class Message:
    def __init__(self, fetched: bytes) -> None:
        self._fetched = fetched

    async def on_get(self, _: Request, response: Response, **__: str) -> None:
        response.data, response.content_type = self._fetched, JSON


def build(answers: Path) -> App[Any, Any]:
    """Return the application. `answers` is a folder with a file for each answer, as Parlour gave it."""
    created, fetched, listed = (answers.joinpath(name).read_bytes() for name in ("create", "fetch", "list"))
    app = App()
    app.add_route(PATH, Messages(created, listed))
    app.add_route(f"{PATH}/{{sid}}", Message(fetched))
    app.add_route("/healthz", Message(b"{}"))
    return app


if __name__ == "__main__":
    serve("The floor", build(Path(sys.argv[1])))
