"""Our description against the official ones, for every path that is served."""

import json
from pathlib import Path

import pytest

from parlour import resources
from parlour.api.body import FORM
from parlour.api.openapi import describe

CONTRACT = Path(__file__).parents[3] / "shared/contract"
OFFICIAL = [CONTRACT / name for name in ("conversations_v1.openapi.json", "content_v1.openapi.json")]
# Linked by every message, and described nowhere (contract: messages.md §4).
UNDESCRIBED = "/ChannelMetadata"

OURS = describe(resources.ALL, "http://localhost")["paths"]
OPERATIONS = [
    (path, method)
    for path, methods in OURS.items()
    for method in methods
    if path.startswith("/v1/") and not path.endswith(UNDESCRIBED)
]


@pytest.fixture(scope="session")
def official():
    if not all(each.exists() for each in OFFICIAL):
        pytest.skip("the official descriptions are not beside this checkout")
    described = [json.loads(each.read_text()) for each in OFFICIAL]
    schemas = {name: schema for each in described for name, schema in each["components"]["schemas"].items()}
    paths = {path: methods for each in described for path, methods in each["paths"].items()}
    return {"paths": paths, "components": {"schemas": schemas}}


def form_of(operation):
    content = operation.get("requestBody", {}).get("content", {}).get(FORM, {})
    return set(content.get("schema", {}).get("properties", {}))


def body_of(operation, components):
    [answer] = [each for status, each in operation["responses"].items() if status.startswith("2")]
    content = answer.get("content")
    schema = content["application/json"]["schema"] if content else {}
    if "$ref" in schema:
        schema = components[schema["$ref"].rpartition("/")[2]]
    return schema.get("properties", {})


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_parameters_are_the_official_ones(official, path, method):
    ours, theirs = OURS[path][method], official["paths"][path][method]

    assert form_of(ours) == form_of(theirs)
    for place in ("path", "query", "header"):
        assert {p["name"] for p in ours["parameters"] if p["in"] == place} == {
            p["name"] for p in theirs.get("parameters", []) if p["in"] == place
        }


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_answers_hold_the_official_fields(official, path, method):
    ours, theirs = OURS[path][method], official["paths"][path][method]
    [status] = [status for status in theirs["responses"] if status.startswith("2")]

    assert status in ours["responses"]
    our_body, their_body = body_of(ours, {}), body_of(theirs, official["components"]["schemas"])
    if "meta" in their_body:
        assert set(our_body) == set(their_body)
        [key] = set(our_body) - {"meta"}
        our_body = our_body[key]["items"]["properties"]
        their_item = their_body[key]["items"]["$ref"].rpartition("/")[2]
        their_body = official["components"]["schemas"][their_item]["properties"]
    assert set(our_body) == set(their_body)
