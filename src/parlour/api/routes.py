"""Makes Falcon's routes from collections, and answers from errors."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable

import falcon
import msgspec
import structlog
from falcon.asgi import App, Request, Response

from parlour import errors
from parlour.api.body import JSON
from parlour.api.collection import ALONE, Collection, Operation
from parlour.api.exchange import ApiResponse, RequestBody, RequestTrace
from parlour.api.pipeline import Pipeline
from parlour.errors import ApiError

log = structlog.get_logger()

Responder = Callable[..., Awaitable[None]]

BY_STATUS = {
    404: errors.NOT_FOUND,
    405: errors.METHOD_NOT_ALLOWED,
    413: errors.REQUEST_TOO_LARGE,
}
# Headers that answers with these errors must have (RFC 9110 §11.6.1, §12.5.3 and §10.2.3).
HEADERS = {
    errors.AUTHENTICATE: {"WWW-Authenticate": 'Basic realm="Parlour"'},
    errors.CONTENT_ENCODED: {"Accept-Encoding": "identity"},
    errors.TOO_MANY_REQUESTS: {"Retry-After": "5"},
}


class HttpRequest:
    """An ApiRequest that came by HTTP."""

    __slots__ = ("_request", "header", "path", "query", "trace")

    def __init__(self, request: Request) -> None:
        self._request = request
        self.path, self.query, self.header = request.path, request.query_string, request.get_header
        self.trace: RequestTrace = request.scope["trace"]

    @property
    def content_type(self) -> str | None:
        return self._request.content_type

    @property
    def content_length(self) -> int | None:
        return self._request.content_length

    @property
    def body(self) -> RequestBody:
        stream: RequestBody = self._request.stream
        return stream


class PathResponders:
    """The object in which Falcon looks for a path's responders: `on_get`, `on_post`, `on_delete`."""


def build_app(collections: Iterable[Collection], pipeline: Pipeline) -> App[Request, Response]:
    app = App()
    app.req_options.strip_url_path_trailing_slash = True
    app.add_error_handler(Exception, answer_internal_error)
    app.add_error_handler(falcon.HTTPError, answer_http_error)
    app.add_error_handler(ApiError, answer_error)
    for path, route in routes_by_path(collections, pipeline).items():
        app.add_route(with_numbered_parameters(path), route)
    return app


def routes_by_path(collections: Iterable[Collection], pipeline: Pipeline) -> dict[str, PathResponders]:
    found: dict[str, PathResponders] = defaultdict(PathResponders)
    for collection in collections:
        for prefix in collection.prefixes:
            for operation in collection.operations:
                route = found[prefix + operation.path]
                setattr(route, f"on_{operation.method.lower()}", responder(pipeline, operation, prefix))
    return found


def with_numbered_parameters(path: str) -> str:
    """Replace the names of parameters by numbers: Falcon allows one name for each position in a path.

    The contract has two for some: Sid and ConversationSid.
    """
    parts = path.split("/")
    return "/".join(f"{{part{i}}}" if part.startswith("{") else part for i, part in enumerate(parts))


def responder(pipeline: Pipeline, operation: Operation, prefix: str) -> Responder:
    path = prefix + operation.path
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]

    async def respond(request: Request, response: Response, **parts: str) -> None:
        request.scope["trace"].route = path
        named = dict(zip(names, parts.values(), strict=True))
        send(response, await pipeline.answer(operation, prefix, HttpRequest(request), named))

    return respond


def send(response: Response, reply: ApiResponse) -> None:
    response.status, response.data, response.content_type = reply.status, reply.body, reply.content_type
    if reply.headers:
        response.set_headers(dict(reply.headers))
    if reply.chunks is not None:
        response.stream, response.content_length = reply.chunks, reply.length


async def answer_error(request: Request, response: Response, error: ApiError, _: object) -> None:
    response.status = error.problem.status
    response.data = msgspec.json.encode(error.body())
    response.content_type = JSON
    request.scope["trace"].error_code = error.problem.code
    for name, value in HEADERS.get(error.problem, {}).items():
        response.set_header(name, value)


async def answer_http_error(
    request: Request, response: Response, error: falcon.HTTPError, path: object
) -> None:
    problem = BY_STATUS.get(error.status_code, errors.INVALID_REQUEST)
    details = {"path": request.path.removeprefix(ALONE) or "/", "reason": "it could not be read"}
    response.set_headers(error.headers or {})
    await answer_error(request, response, problem(**details), path)


async def answer_internal_error(request: Request, response: Response, error: Exception, path: object) -> None:
    log.error("internal_error", request_id=request.scope["trace"].request_id, exc_info=error)
    await answer_error(request, response, errors.INTERNAL_ERROR(), path)
