"""Between the ASGI server and Falcon: paths as they were sent, and bodies that are whole."""

from typing import Any
from urllib.parse import quote

from falcon.asgi import App, Request, Response

from parlour import errors
from parlour.api.access_log import Receive, Scope, Send

WITH_BODIES = {"POST", "PUT"}
# What `Content-Encoding` may say of a body that is sent as it is.
PLAIN = {b"", b"identity"}


class Application:
    """Falcon's application, routed by the path as it was sent.

    ASGI servers decode `%2F` in a path before the application sees it; a unique name may hold one.
    """

    def __init__(self, app: App[Request, Response]) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["path"] = as_ascii(scope["raw_path"])
        scope["query_string"] = as_ascii(scope["query_string"]).encode()
        if scope["method"] in WITH_BODIES:
            receive = refusing() if is_encoded(scope) else whole(receive)
        await self._app(scope, receive, send)


def as_ascii(raw: bytes) -> str:
    return raw.decode() if raw.isascii() else quote(raw, safe="/?&=%+!$'()*,;:@~")


def is_encoded(scope: Scope) -> bool:
    """Whether the body is compressed, or encoded in another way, by its `Content-Encoding`."""
    return any(
        name == b"content-encoding" and value.strip().lower() not in PLAIN for name, value in scope["headers"]
    )


def refusing() -> Receive:
    """In place of an encoded body: 415/20415 for whoever reads it, since it is not what was meant."""
    begun = False

    async def begin_and_refuse() -> Any:
        nonlocal begun
        if begun:
            raise errors.CONTENT_ENCODED()
        # Falcon takes the first event before anything can answer an error.
        begun = True
        return {"type": "http.request", "body": b"", "more_body": True}

    return begin_and_refuse


def whole(receive: Receive) -> Receive:
    """`receive`, but 400/20001 when the caller leaves before the body's end.

    Falcon takes what has come until then for all of it, and half a message would be stored.
    """
    begun = False

    async def receive_or_refuse() -> Any:
        nonlocal begun
        event = await receive()
        if begun and event["type"] == "http.disconnect":
            raise errors.INVALID_REQUEST(reason="its body was cut off")
        begun = True
        return event

    return receive_or_refuse
