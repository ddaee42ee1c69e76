"""Compares an operation of ours with the published one, in both directions.

Requests: whatever the published description allows must be allowed here, so a parameter here takes the
same values or more. Answers: whatever is answered here must be allowed by the published description, so a
field here has the same values or fewer.
"""

from dataclasses import dataclass

from tests.contract.facts import PLACES

ANYTHING = {"array", "boolean", "integer", "null", "number", "object", "string"}
# Formats that describe a client's variables, not the JSON value.
SIZES = {"int32", "int64", "float", "double"}


@dataclass(frozen=True, order=True)
class Difference:
    """`where` is a place and a name, such as "body `Subject`"; `published` and `here` are the two facts."""

    where: str
    published: str
    here: str


def differences(here, published, schemas):
    """Yield the Differences between the facts of one operation, here and as published."""
    for place in PLACES:
        ours, theirs = here.get(place, {}), published.get(place, {})
        yield from compare_names(place, "", ours, theirs)
        for name in ours.keys() & theirs.keys():
            yield from compare_sent(place, name, ours[name], theirs[name], schemas)
    ours, theirs = here.get("body", {}), published.get("body", {})
    yield from compare_names("body", "", ours, theirs)
    for media_type in ours.keys() & theirs.keys():
        yield from compare_sent("body", "", ours[media_type], theirs[media_type], schemas)
    ours, theirs = here["answers"], published["answers"]
    yield from compare_names("answer", "", ours, theirs)
    for status in ours.keys() & theirs.keys():
        yield from compare_shown("answer", "", ours[status], theirs[status], schemas)


def compare_names(place, inside, ours, theirs):
    for name in theirs.keys() - ours.keys():
        yield Difference(f"{place} `{inside}{name}`", "there", "not there")
    for name in ours.keys() - theirs.keys():
        yield Difference(f"{place} `{inside}{name}`", "not there", "there")


def compare_sent(place, name, ours, theirs, schemas):
    """Compare the schemas of a value in a request: ours must allow every value that theirs allows."""
    theirs = resolved(theirs, schemas)
    checks = {
        "type": types(theirs) <= types(ours),
        "enum": allows(ours.get("enum"), theirs.get("enum")),
        "format": is_free(ours, "format") or ours["format"] == theirs.get("format"),
        "pattern": is_free(ours, "pattern") or ours["pattern"] == theirs.get("pattern"),
        "minimum": ours.get("minimum", float("-inf")) <= theirs.get("minimum", float("-inf")),
        "maximum": ours.get("maximum", float("inf")) >= theirs.get("maximum", float("inf")),
        "required": set(required(ours)) <= set(required(theirs)),
    }
    yield from failed(f"{place} `{name}`", checks, ours, theirs)
    yield from compare_inside(compare_sent, place, name, ours, theirs, schemas)


def compare_shown(place, name, ours, theirs, schemas):
    """Compare the schemas of a value in an answer: theirs must allow every value that ours allows."""
    theirs = resolved(theirs, schemas)
    checks = {
        "type": types(ours) <= types(theirs),
        "enum": allows(theirs.get("enum"), ours.get("enum")),
        "format": is_free(theirs, "format") or shown_format(ours) == theirs["format"],
        "pattern": is_free(theirs, "pattern") or ours.get("pattern") == theirs["pattern"],
        "pii": ours.get("pii") == theirs.get("pii"),
    }
    yield from failed(f"{place} `{name}`", checks, ours, theirs)
    yield from compare_inside(compare_shown, place, name, ours, theirs, schemas)


def compare_inside(compare, place, name, ours, theirs, schemas):
    """Compare properties and items where both sides describe them; without a description any are allowed."""
    inside = f"{name}." if name else ""
    properties = ours.get("properties"), theirs.get("properties")
    if all(each is not None for each in properties):
        yield from compare_names(place, inside, *properties)
        for key in properties[0].keys() & properties[1].keys():
            yield from compare(place, inside + key, properties[0][key], properties[1][key], schemas)
    if "items" in ours and "items" in theirs:
        yield from compare(place, f"{name}[]", ours["items"], theirs["items"], schemas)


def failed(where, checks, ours, theirs):
    for fact, holds in checks.items():
        if not holds:
            yield Difference(where, said(fact, theirs), said(fact, ours))


def said(fact, schema):
    value = schema.get(fact)
    if value is None:
        return f"any {fact}"
    if isinstance(value, list):
        return f"{fact} {', '.join(sorted(map(str, value)))}"
    return f"{fact} {value}"


def resolved(schema, schemas):
    return schemas[schema["$ref"]] if "$ref" in schema else schema


def types(schema):
    if "type" not in schema:
        return ANYTHING
    named = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
    # Every integer is a number.
    return named | ({"integer"} if "number" in named else set())


def allows(wide, narrow):
    return wide is None or (narrow is not None and set(narrow) <= set(wide))


def required(schema):
    value = schema.get("required", [])
    return ["itself"] if value is True else value


def is_free(schema, fact):
    return schema.get(fact) is None or schema[fact] in SIZES


def shown_format(schema):
    """Return the format of a schema; an object whose properties are all URIs is a "uri-map"."""
    properties = schema.get("properties", {}).values()
    is_map = properties and all(each.get("format") == "uri" for each in properties)
    return "uri-map" if is_map else schema.get("format")
