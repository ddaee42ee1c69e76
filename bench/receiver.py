"""A receiver of webhooks: answers each with 200, and counts them."""

from typing import Any

from falcon.asgi import App, Request, Response

from bench.serving import serve


class Receiver:
    def __init__(self) -> None:
        self._count = 0

    async def on_post(self, request: Request, _: Any) -> None:
        self._count += 1
        await request.stream.read()

    async def on_get(self, _: Request, response: Response) -> None:
        """Return the number of webhooks so far. Also answers health checks."""
        response.media = {"count": self._count}


def build() -> App[Any, Any]:
    app, receiver = App[Any, Any](), Receiver()
    for path in ("/", "/count", "/healthz"):
        app.add_route(path, receiver)
    return app


if __name__ == "__main__":
    serve("The receiver", build())
