"""The OpenAPI description, read off the same declarations that serve requests."""

from collections.abc import Iterable, Mapping
from typing import Any

from parlour import __version__
from parlour.api.body import JSON
from parlour.api.collection import IN_SERVICE, Collection, Operation
from parlour.api.streams import Files
from parlour.api.uploads import FIELDS
from parlour.wire.kinds import Kind, text
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
    "413": "The form or the file is too large",
    "415": "The body has a Content-Encoding",
    "503": "The storage does not answer",
}
WEBHOOK_ENABLED = {
    "name": "X-Twilio-Webhook-Enabled",
    "in": "header",
    "schema": {"type": "string", "enum": ["true", "false"]},
}


def describe(
    collections: Iterable[Collection], public_url: str, files: Iterable[Files] = ()
) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for collection in collections:
        for prefix in collection.prefixes:
            for operation in collection.operations:
                methods = paths.setdefault(prefix + operation.path, {})
                methods[operation.method.lower()] = describe_operation(operation, prefix)
    for each in files:
        paths |= describe_files(each)
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
        "responses": describe_responses(operation, operation.collection.is_in_service(prefix)),
    }
    if operation.accepts:
        schema = form_schema(operation.collection.resource, operation.accepts)
        described["requestBody"] = {"content": {operation.collection.encoding.media_type: {"schema": schema}}}
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
    if operation.before is not None and operation.locate is None:
        parameters.append(WEBHOOK_ENABLED)
    return parameters


def path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def query_parameter(name: str, kind: Kind) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": dict(kind.input_schema)}


def describe_responses(operation: Operation, in_service: bool) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done"}
    if operation.shows:
        item = body_schema(operation.collection.resource, in_service)
        schema = page_schema(operation.collection.key, item) if operation.is_list else item
        done["content"] = json_content(schema)
    return {str(operation.status): done, **refusals()}


def refusals() -> dict[str, Any]:
    error = json_content({"$ref": "#/components/schemas/Error"})
    return {status: {"description": meaning, "content": error} for status, meaning in REFUSALS.items()}


def json_content(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {JSON: {"schema": schema}}


TEXT = text()
BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}
SET_COMMAND = {
    "type": "object",
    "properties": {
        "command": {"type": "string", "enum": ["get"]},
        "list": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"media_sid": {"type": "string"}},
                "required": ["media_sid"],
            },
        },
    },
    "required": ["command", "list"],
}


def describe_files(files: Files) -> dict[str, Any]:
    """The paths of files: their bodies are bytes, and their links are signed."""
    place = IN_SERVICE + files.path
    item = body_schema(files.resource, in_service=True)
    links = {name: {"type": "string"} for name in ("content", "content_direct_temporary")}
    item["properties"]["links"] = {"type": "object", "properties": links, "required": ["content"]}
    item["required"] = [*item["required"], "links"]
    answer = json_content(item)
    member = {"type": "object", "properties": {"code": {"type": "integer"}}, "required": ["code"]}
    upload = {
        "content": {
            "application/octet-stream": {"schema": BINARY},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"media": BINARY}, "required": ["media"]}
            },
        }
    }
    said = [query_parameter(name, TEXT) for name in FIELDS]
    command = {"content": json_content(SET_COMMAND)}
    taken = describe_file("UploadMedia", place, 201, answer, said, upload)
    error = json_content({"$ref": "#/components/schemas/Error"})
    taken["responses"]["429"] = {"description": "Too many uploads go on at once", "content": error}
    return {
        place: {"post": taken},
        f"{place}/{{Sid}}": {
            "get": describe_file("FetchMedia", f"{place}/{{Sid}}", 200, answer),
            "delete": describe_file("DeleteMedia", f"{place}/{{Sid}}", 204, None),
        },
        f"{place}/{{Sid}}/Content": {"get": describe_content(f"{place}/{{Sid}}/Content")},
        f"{place}Set": {
            "post": describe_file(
                "GetMediaSet",
                f"{place}Set",
                200,
                json_content({"type": "array", "items": member}),
                body=command,
            )
        },
    }


def describe_content(path: str) -> dict[str, Any]:
    described = describe_file("FetchMediaContent", path, 200, {"*/*": {}})
    error = json_content({"$ref": "#/components/schemas/Error"})
    part = {"description": "The part that Range asks for", "content": {"*/*": {}}}
    described["responses"] |= {
        "206": part,
        "304": {"description": "It is the file of If-None-Match"},
        "403": {"description": "The link has expired or is not valid", "content": error},
        "416": {"description": "Range is beyond the file's end", "content": error},
    }
    return described


def describe_file(
    name: str,
    path: str,
    status: int,
    content: Mapping[str, Any] | None,
    parameters: Iterable[Mapping[str, Any]] = (),
    body: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    done = {"description": "Done"} | ({} if content is None else {"content": content})
    described: dict[str, Any] = {
        "operationId": name,
        "parameters": [*map(path_parameter, names), *parameters],
        "responses": {str(status): done, **refusals()},
    }
    return described if body is None else described | {"requestBody": body}
