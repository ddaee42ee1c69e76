"""The facts of an OpenAPI description: paths, methods, parameters, fields, types, nullability and enums."""

import json
from pathlib import Path

PUBLISHED = Path(__file__).with_name("published")
METHODS = ("get", "post", "put", "patch", "delete")
PLACES = ("path", "query", "header")
# Of a schema; descriptions, titles and examples are texts, and stay where they were published.
KEPT = ("format", "enum", "pattern", "minimum", "maximum", "required")
MAX_LINE = 110


def facts_of(description):
    """Return the operations and the object schemas of an OpenAPI description, version 3.0 or 3.1."""
    schemas = description["components"]["schemas"]
    return {
        "paths": {
            path: {method: operation_facts(item[method], schemas) for method in METHODS if method in item}
            for path, item in sorted(description["paths"].items())
        },
        "schemas": {
            name: schema_facts(schema, schemas)
            for name, schema in sorted(schemas.items())
            if "properties" in schema
        },
    }


def operation_facts(operation, schemas):
    parameters = operation.get("parameters", [])
    facts = {
        place: {each["name"]: parameter_facts(each, schemas) for each in parameters if each["in"] == place}
        for place in PLACES
    }
    body = operation.get("requestBody", {}).get("content", {})
    facts["body"] = {media_type: schema_facts(each["schema"], schemas) for media_type, each in body.items()}
    answers = {status: each for status, each in operation["responses"].items() if status.startswith("2")}
    facts["answers"] = {status: answer_facts(each, schemas) for status, each in answers.items()}
    return {name: each for name, each in facts.items() if each}


def parameter_facts(parameter, schemas):
    required = parameter.get("required", False) and parameter["in"] != "path"
    return schema_facts(parameter["schema"], schemas) | ({"required": True} if required else {})


def answer_facts(answer, schemas):
    """Return the facts of a JSON body, or nothing for an answer without one."""
    content = answer.get("content", {}).get("application/json")
    return {} if content is None else schema_facts(content["schema"], schemas)


def schema_facts(schema, schemas):
    """Return a JSON Schema with facts only; an object that has a name is referred to by it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return {"$ref": name} if "properties" in schemas[name] else schema_facts(schemas[name], schemas)
    facts = {"type": type_of(schema)} if "type" in schema else {}
    # 3.0 has a word for null, 3.1 lists it among types and choices.
    facts |= {key: schema[key] for key in KEPT if key in schema}
    # How personal data is to be handled is the only fact among the extensions.
    facts |= schema.get("x-twilio", {})
    if "enum" in facts:
        facts["enum"] = [each for each in facts["enum"] if each is not None]
    if "items" in schema:
        facts["items"] = schema_facts(schema["items"], schemas)
    if "properties" in schema:
        each = schema["properties"].items()
        facts["properties"] = {name: schema_facts(value, schemas) for name, value in each}
    return facts


def type_of(schema):
    return [schema["type"], "null"] if schema.get("nullable") else schema["type"]


def write(value, indent=""):
    """Return JSON with each value that fits into a line on one line, so that a change is easy to review."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict) or not value or len(indent) + len(line) < MAX_LINE:
        return line
    inner = indent + "  "
    parts = [f"{inner}{json.dumps(key)}: {write(each, inner)}" for key, each in value.items()]
    return "{\n" + ",\n".join(parts) + f"\n{indent}}}"


def published():
    """Return the facts of all published descriptions together."""
    read = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(PUBLISHED.glob("*.json"))]
    return {
        part: {name: value for each in read for name, value in each[part].items()}
        for part in ("paths", "schemas")
    }
