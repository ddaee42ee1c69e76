"""The ASGI application: finds what answers a request, and makes answers of errors."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import structlog
from falcon import HTTPError
from falcon.routing import CompiledRouter

from parlour import errors
from parlour.api.access_log import AsgiScope, Receive, Send
from parlour.api.body import JSON
from parlour.api.collection import ALONE
from parlour.api.exchange import ApiResponse
from parlour.api.http_request import HttpRequest, send_response
from parlour.api.original_paths import ORIGINAL_PATHS
from parlour.api.routes import Answer, Routes
from parlour.errors import ApiError

log = structlog.get_logger()

METHODS_WITH_BODY = {"POST", "PUT"}
# Headers that answers with these errors must have (RFC 9110 §11.6.1, §12.5.3 and §10.2.3).
HEADERS = {
    errors.AUTHENTICATE: {"WWW-Authenticate": 'Basic realm="Parlour"'},
    errors.CONTENT_ENCODED: {"Accept-Encoding": "identity"},
    errors.TOO_MANY_REQUESTS: {"Retry-After": "5"},
}


class Route(NamedTuple):
    """A path, the names of its parameters in their order, and what answers each method."""

    path: str
    names: list[str]
    answers: Mapping[str, Answer]

    @property
    def allowed(self) -> dict[str, str]:
        return {"Allow": ", ".join([*self.answers, "OPTIONS"])}


class Application:
    """Answers each request by its path and method, and calls `closing` when the server stops.

    Falcon finds the route. Its application is not used: with it, a fetch took twice the processor time.
    """

    def __init__(self, routes: Routes, *closing: Callable[[], Awaitable[None]]) -> None:
        self._router, self._closing = CompiledRouter(), closing
        for path, answers in routes.items():
            self._router.add_route(with_numbered_parameters(path), Route(path, names_in(path), answers))
        # Searched only for a path that has no route.
        self._described = CompiledRouter()
        for path in ORIGINAL_PATHS:
            self._described.add_route(with_numbered_parameters(path), Route(path, names_in(path), {}))

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        request = HttpRequest(scope, receive)
        try:
            response = await self._answer(request)
        except ApiError as error:
            response = as_response(request, error)
        except HTTPError:
            # By Falcon's parser of multipart forms.
            response = as_response(request, errors.INVALID_REQUEST(reason="it could not be read"))
        except Exception:
            log.exception("internal_error", request_id=request.trace.request_id)
            response = as_response(request, errors.INTERNAL_ERROR())
        await send_response(response, send)

    async def _answer(self, request: HttpRequest) -> ApiResponse:
        if request.method in METHODS_WITH_BODY:
            await request.body.begin()
        # Falcon ignores slashes before the first name; the recorder, faults and proxies in front do not.
        path = "" if request.path.startswith("//") else request.path
        found: Any = self._router.find(path)
        if found is None:
            unserved: Any = self._described.find(path)
            request.trace.unserved = unserved and unserved[0].path
            raise errors.NOT_FOUND(path=request.path.removeprefix(ALONE) or "/")
        route: Route = found[0]
        answer = route.answers.get(request.method)
        if answer is not None:
            request.trace.route = route.path
            return await answer(request, dict(zip(route.names, found[2].values(), strict=True)))
        if request.method == "OPTIONS":
            return ApiResponse(200, headers=route.allowed)
        return as_response(request, errors.METHOD_NOT_ALLOWED())._replace(headers=route.allowed)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for close in self._closing:
            await close()
        await send({"type": "lifespan.shutdown.complete"})


def names_in(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def with_numbered_parameters(path: str) -> str:
    """Replace the names of parameters by numbers: Falcon allows one name for each position in a path.

    The contract has two for some: Sid and ConversationSid.
    """
    parts = path.split("/")
    return "/".join(f"{{part{i}}}" if part.startswith("{") else part for i, part in enumerate(parts))


def as_response(request: HttpRequest, error: ApiError) -> ApiResponse:
    request.trace.error_code = error.problem.code
    body = msgspec.json.encode(error.body())
    return ApiResponse(error.problem.status, body, JSON, HEADERS.get(error.problem, {}))
