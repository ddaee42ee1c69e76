"""A receiver of webhooks: it answers every one with 200."""

from typing import Any

from falcon.asgi import App, Request

from bench.serving import serve


class Anything:
    async def on_get(self, _: Request, __: Any) -> None:
        """200, which is what a health check wants."""

    async def on_post(self, request: Request, _: Any) -> None:
        await request.stream.read()


def build() -> App[Any, Any]:
    app = App()
    for path in ("/", "/healthz"):
        app.add_route(path, Anything())
    return app


if __name__ == "__main__":
    serve("The receiver", build())
