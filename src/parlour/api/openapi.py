"""Makes the OpenAPI description, from the same declarations that requests are handled by."""

from collections.abc import Iterable, Mapping
from typing import Any

from parlour import __version__
from parlour.api.body import JSON
from parlour.api.collection import ACCEPTED, IN_SERVICE, Collection, FileCollection, Operation
from parlour.api.idempotency import HEADER, MAX_CHARACTERS
from parlour.api.uploads import FIELDS
from parlour.wire.field_types import FieldType, text
from parlour.wire.paging import page_schema
from parlour.wire.resource import BodyForm, JsonSchema, Resource, fields_of, pascal_case
from parlour.wire.schemas import body_schema, form_schema
from parlour.wire.sids import sid_pattern

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
    "413": "The form or the file is too large",
    "415": "The body has a Content-Encoding",
    "503": "The storage does not answer",
}
TEXT = text()
BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}
UPLOAD = {
    "content": {
        "application/octet-stream": {"schema": BINARY},
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {"media": BINARY}, "required": ["media"]}
        },
    }
}
CONTENT_LINKS = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("content", "content_direct_temporary")},
    "required": ["content"],
}
SET_MEMBER = {"type": "object", "properties": {"code": {"type": "integer"}}, "required": ["code"]}
IDEMPOTENCY_KEY = {
    "name": HEADER,
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_CHARACTERS},
}
# The resources of a path before its own; a conversation may be named by its unique name.
SIDS_IN_PATHS = {"ChatServiceSid": "IS", "MessageSid": "IM", "ContentSid": "HX"}
WEBHOOK_ENABLED = {
    "name": "X-Twilio-Webhook-Enabled",
    "in": "header",
    "schema": {"type": "string", "enum": ["true", "false"]},
}


def describe(collections: Iterable[Collection], public_url: str) -> dict[str, Any]:
    """Return the description of all collections, for a server at `public_url`."""
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
    name = pascal_case(operation.handler.__name__)
    has_two_paths = prefix == IN_SERVICE and not isinstance(operation.collection, FileCollection)
    description: dict[str, Any] = {
        "operationId": f"{name}InService" if has_two_paths else name,
        "parameters": describe_parameters(operation, prefix),
        "responses": describe_responses(operation, operation.collection.form(prefix)),
    }
    if operation.accepts:
        schema = form_schema(operation.collection.resource, operation.accepts)
        description["requestBody"] = {
            "content": {operation.collection.encoding.media_type: {"schema": schema}}
        }
    elif operation.upload is not None:
        description["requestBody"] = UPLOAD
    return description


def describe_parameters(operation: Operation, prefix: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in (prefix + operation.path).split("/") if part.startswith("{")]
    parameters = [path_parameter(name, operation.collection.resource) for name in names]
    if operation.is_list:
        parameters += [query_parameter(name, each) for name, each in operation.filters.items()]
        size = {"type": "integer", "minimum": 1, "maximum": operation.max_page_size}
        parameters += [
            {"name": "PageSize", "in": "query", "schema": size},
            {"name": "Page", "in": "query", "schema": {"type": "integer", "minimum": 0}},
            {"name": "PageToken", "in": "query", "schema": {"type": "string"}},
        ]
    if operation.upload is not None:
        parameters += [query_parameter(name, TEXT) for name in FIELDS]
    if operation.writes and operation.shows:
        parameters.append(IDEMPOTENCY_KEY)
    if operation.before and operation.locate is None:
        parameters.append(WEBHOOK_ENABLED)
    return parameters


def path_parameter(name: str, resource: type[Resource]) -> dict[str, Any]:
    """Return the parameter of a path; one without a pattern may be a name, or a SID."""
    pattern = None
    if name in SIDS_IN_PATHS:
        pattern = sid_pattern(SIDS_IN_PATHS[name])
    elif name == "Sid" and not resource.has_name:
        pattern = next(f.type.schema["pattern"] for f in fields_of(resource) if f.name == "sid")
    form = {"minLength": 1} if pattern is None else {"pattern": pattern}
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", **form}}


def query_parameter(name: str, field_type: FieldType) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": dict(field_type.input_schema)}


def describe_responses(operation: Operation, form: BodyForm) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done"}
    if operation.sends_file:
        done["content"] = {"*/*": {}}
    elif operation.shows:
        done["content"] = json_content(answer_schema(operation, form))
    reused = {"422": refusal("The Idempotency-Key came with another request")}
    once = reused if operation.writes and operation.shows else {}
    accepted = {str(ACCEPTED): done} if operation.accepted_with else {}
    return {str(operation.status): done, **accepted, **refusals(), **once, **file_responses(operation)}


def answer_schema(operation: Operation, form: BodyForm) -> JsonSchema:
    collection = operation.collection
    if operation.arrange is not None:
        return {"type": "array", "items": SET_MEMBER}
    item = body_schema((collection.shown_as or collection).resource, form)
    if isinstance(collection, FileCollection):
        item["properties"]["links"] = CONTENT_LINKS
        item["required"] = [*item["required"], "links"]
    return page_schema(collection.key, item) if operation.is_list else item


def file_responses(operation: Operation) -> dict[str, Any]:
    """Return the responses that only operations on files have."""
    if operation.upload is not None:
        return {"429": refusal("Too many uploads go on at once")}
    if operation.sends_file:
        return {
            "206": {"description": "The part that Range asks for", "content": {"*/*": {}}},
            "304": {"description": "It is the file of If-None-Match"},
            "403": refusal("The link has expired or is not valid"),
            "416": refusal("Range is beyond the file's end"),
        }
    return {}


def refusals() -> dict[str, Any]:
    return {status: refusal(meaning) for status, meaning in REFUSALS.items()}


def refusal(meaning: str) -> dict[str, Any]:
    return {"description": meaning, "content": json_content({"$ref": "#/components/schemas/Error"})}


def json_content(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {JSON: {"schema": schema}}
