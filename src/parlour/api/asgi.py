"""The layer between the ASGI server and Falcon: keeps paths as sent, and refuses incomplete bodies."""

from typing import Any
from urllib.parse import quote

from falcon.asgi import App, Request, Response

from parlour import errors
from parlour.api.access_log import AsgiScope, Receive, Send

METHODS_WITH_BODY = {"POST", "PUT"}
# Values of `Content-Encoding` for a body that is not encoded.
UNENCODED = {b"", b"identity"}


class Application:
    """Falcon's application, which routes by the path as it was sent.

    ASGI servers decode `%2F` in a path before the application sees it, but a unique name may contain a slash.
    """

    def __init__(self, app: App[Request, Response]) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["path"] = as_ascii(scope["raw_path"])
        scope["query_string"] = as_ascii(scope["query_string"]).encode()
        if scope["method"] in METHODS_WITH_BODY:
            receive = refusing_encoded_body() if is_encoded(scope) else refusing_cut_off_body(receive)
        await self._app(scope, receive, send)


def as_ascii(raw: bytes) -> str:
    return raw.decode() if raw.isascii() else quote(raw, safe="/?&=%+!$'()*,;:@~")


def is_encoded(scope: AsgiScope) -> bool:
    """Whether `Content-Encoding` says that the body is compressed or encoded in another way."""
    return any(
        name == b"content-encoding" and value.strip().lower() not in UNENCODED
        for name, value in scope["headers"]
    )


def refusing_encoded_body() -> Receive:
    """Return a `receive` for an encoded body, which raises 415/20415 when the body is read."""
    begun = False

    async def receive_or_refuse() -> Any:
        nonlocal begun
        if begun:
            raise errors.CONTENT_ENCODED()
        # Falcon reads the first event before it can answer with an error.
        begun = True
        return {"type": "http.request", "body": b"", "more_body": True}

    return receive_or_refuse


def refusing_cut_off_body(receive: Receive) -> Receive:
    """Wrap `receive`: raise 400/20001 if the client disconnects before the end of the body.

    Falcon would treat the part that has arrived as the whole body, and half a message would be stored.
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
