"""The paths of the API, and what answers each of their methods."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping

from parlour.api.collection import Collection, Operation
from parlour.api.exchange import ApiRequest, ApiResponse
from parlour.api.pipeline import Pipeline

# Answers a request, whose path holds the given parameters. Raises ApiError.
Answer = Callable[[ApiRequest, dict[str, str]], Awaitable[ApiResponse]]
# By path, as in `/v1/Services/{Sid}`, and by method.
Routes = Mapping[str, Mapping[str, Answer]]

METHODS = ("GET", "POST", "DELETE")


def routes_of(collections: Iterable[Collection], pipeline: Pipeline) -> dict[str, Mapping[str, Answer]]:
    """Return the routes of resources, whose operations the pipeline performs."""
    found: dict[str, dict[str, Answer]] = defaultdict(dict)
    for collection in collections:
        for prefix in collection.prefixes:
            for operation in collection.operations:
                found[prefix + operation.path][operation.method] = answering(pipeline, operation, prefix)
    return dict(found)


def answering(pipeline: Pipeline, operation: Operation, prefix: str) -> Answer:
    return lambda request, path: pipeline.answer(operation, prefix, request, path)


def methods_of(responder: object) -> dict[str, Answer]:
    """Return the methods that an object answers by functions of their names: `get`, `post`, `delete`."""
    return {
        method: getattr(responder, name) for method in METHODS if hasattr(responder, name := method.lower())
    }
