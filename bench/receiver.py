"""A receiver of webhooks: it answers every one with 200, and tells how many came, and when."""

import time
from typing import Any

from falcon.asgi import App, Request, Response

from bench.serving import serve


class Receiver:
    def __init__(self) -> None:
        self._moments: list[float] = []

    async def on_post(self, request: Request, _: Any) -> None:
        self._moments.append(time.perf_counter())
        await request.stream.read()

    async def on_get(self, request: Request, response: Response) -> None:
        """How many requests came in all; and the seconds at which the first after `since` and the last came."""
        since = request.get_param_as_int("since", default=0)
        moments = self._moments[since:]
        span = {"first": moments[0], "last": moments[-1]} if moments else {}
        response.media = {"count": len(self._moments), **span}


class Health:
    async def on_get(self, _: Request, __: Any) -> None:
        """200, which is what a health check wants."""


def build() -> App[Any, Any]:
    app = App()
    receiver = Receiver()
    app.add_route("/", receiver)
    app.add_route("/heard", receiver)
    app.add_route("/healthz", Health())
    return app


if __name__ == "__main__":
    serve("The receiver", build())
