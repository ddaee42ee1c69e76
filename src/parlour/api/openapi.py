"""The OpenAPI description, read off the same declarations that serve requests."""

from collections.abc import Iterable, Mapping
from typing import Any

from parlour import __version__
from parlour.api.body import FORM
from parlour.api.collection import IN_SERVICE, Collection, Operation
from parlour.api.pipeline import JSON
from parlour.wire.kinds import Kind
from parlour.wire.paging import page_schema
from parlour.wire.resource import body_schema, form_schema, pascal_case

ERROR = {
    "type": "object",
    "properties": {
        "code": {"type": "integer"},
        "message": {"type": "string"},
        "more_info": {"type": "string", "format": "uri"},
        "status": {"type": "integer"},
    },
    "required": ["code", "message", "more_info", "status"],
    "additionalProperties": False,
}
REFUSALS = {
    "400": "A parameter was refused",
    "401": "No credentials, or wrong ones",
    "404": "There is no such resource",
    "409": "In conflict with something that exists",
    "413": "The form is too large",
    "503": "The storage does not answer",
}
WEBHOOK_ENABLED = {
    "name": "X-Twilio-Webhook-Enabled",
    "in": "header",
    "schema": {"type": "string", "enum": ["true", "false"]},
}


def describe(collections: Iterable[Collection], public_url: str) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for collection in collections:
        for prefix in collection.prefixes:
            for operation in collection.operations:
                methods = paths.setdefault(prefix + operation.path, {})
                methods[operation.method.lower()] = describe_operation(operation, prefix)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Parlour", "version": __version__},
        "servers": [{"url": public_url}],
        "security": [{"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "schemas": {"Error": ERROR},
        },
    }


def describe_operation(operation: Operation, prefix: str) -> dict[str, Any]:
    in_service = prefix == IN_SERVICE
    name = pascal_case(operation.handler.__name__)
    described: dict[str, Any] = {
        "operationId": f"{name}InService" if in_service else name,
        "parameters": describe_parameters(operation, prefix),
        "responses": describe_responses(operation, in_service),
    }
    if operation.accepts:
        schema = form_schema(operation.collection.resource, operation.accepts)
        described["requestBody"] = {"content": {FORM: {"schema": schema}}}
    return described


def describe_parameters(operation: Operation, prefix: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in (prefix + operation.path).split("/") if part.startswith("{")]
    parameters = [path_parameter(name) for name in names]
    if operation.is_list:
        parameters += [query_parameter(name, kind) for name, kind in operation.filters.items()]
        size = {"type": "integer", "minimum": 1, "maximum": operation.max_page_size}
        parameters += [
            {"name": "PageSize", "in": "query", "schema": size},
            {"name": "Page", "in": "query", "schema": {"type": "integer", "minimum": 0}},
            {"name": "PageToken", "in": "query", "schema": {"type": "string"}},
        ]
    if operation.before is not None:
        parameters.append(WEBHOOK_ENABLED)
    return parameters


def path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def query_parameter(name: str, kind: Kind) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": dict(kind.input_schema)}


def describe_responses(operation: Operation, in_service: bool) -> dict[str, Any]:
    responses: dict[str, Any] = {
        status: {"description": meaning, "content": json_content({"$ref": "#/components/schemas/Error"})}
        for status, meaning in REFUSALS.items()
    }
    done: dict[str, Any] = {"description": "Done"}
    if operation.shows:
        item = body_schema(operation.collection.resource, in_service)
        schema = page_schema(operation.collection.key, item) if operation.is_list else item
        done["content"] = json_content(schema)
    return {str(operation.status): done, **responses}


def json_content(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {JSON: {"schema": schema}}
