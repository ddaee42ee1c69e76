"""JSON Schemas of requests and bodies, from a resource's declared fields: for the OpenAPI description."""

from collections.abc import Mapping
from typing import Any

from parlour.wire.field_options import AcceptedOn
from parlour.wire.resource import (
    BodyForm,
    Field,
    JsonSchema,
    Resource,
    accepted_fields,
    computed_members,
    fields_of,
    is_withheld,
    required_fields,
)


def form_schema(declared: type[Resource], on: AcceptedOn) -> JsonSchema:
    """Return the JSON Schema of a request's parameters."""
    accepted = accepted_fields(declared, on)
    schema: JsonSchema = {
        "type": "object",
        "properties": {name: {**f.type.input_schema, **mark_of(f)} for name, f in accepted.items()},
    }
    required = [f.wire_name for f in required_fields(declared, on)]
    return schema | ({"required": required} if required else {})


def body_schema(declared: type[Resource], form: BodyForm) -> JsonSchema:
    """Return the JSON Schema of a body, in which every member is required."""
    properties: dict[str, Any] = {}
    for f in fields_of(declared):
        if not is_withheld(f, form):
            properties[f.name] = shown_schema(f) | mark_of(f)
    properties |= {name: each.schema for name, each in computed_members(declared).items()}
    if declared.shows_url:
        properties["url"] = {"type": "string", "format": "uri"}
    if declared.link_names:
        links = {name: {"type": "string", "format": "uri"} for name in declared.link_names}
        properties["links"] = {"type": "object", "properties": links, "required": list(links)}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def shown_schema(f: Field) -> JsonSchema:
    """Return the JSON Schema of a field's value in a body."""
    if f.shown_for_null is not None:
        return {**f.type.schema, "default": f.shown_for_null}
    return nullable(f.type.schema) if f.nullable else dict(f.type.schema)


def mark_of(f: Field) -> JsonSchema:
    return {} if f.personal is None else dict(f.personal.mark)


def nullable(schema: Mapping[str, Any]) -> JsonSchema:
    choices = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **choices}
