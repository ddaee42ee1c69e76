"""The data files with the facts of the published descriptions, and the script that makes them."""

import json

import pytest

from tests.contract.extract import REPOSITORY, extract
from tests.contract.facts import PUBLISHED, facts_of, write
from tests.documents import ROOT, read

DATA = sorted(PUBLISHED.glob("*.json"))
# Where the descriptions themselves are at hand, what was taken from them can be made again.
AT_HAND = sorted((ROOT.parent / "shared" / "contract").glob("*.openapi.json"))

DESCRIPTION = {
    "info": {"title": "Shop - Baskets", "version": "1.2.3"},
    "paths": {
        "/v1/Baskets/{Sid}": {
            "summary": "A text.",
            "post": {
                "description": "A text.",
                "parameters": [
                    {"name": "Sid", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "Until", "in": "query", "required": True, "schema": {"type": "string"}},
                ],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "title": "A text.",
                                "properties": {"Kind": {"$ref": "#/components/schemas/basket_enum_kind"}},
                                "required": ["Kind"],
                            }
                        }
                    }
                },
                "responses": {
                    "200": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/basket"}}}
                    },
                    "404": {"description": "A text."},
                },
            },
            "delete": {"responses": {"204": {"description": "A text."}}},
        }
    },
    "components": {
        "schemas": {
            "basket_enum_kind": {"type": "string", "nullable": True, "enum": ["big", None]},
            "basket": {
                "type": "object",
                "properties": {
                    "count": {
                        "type": "integer",
                        "nullable": True,
                        "example": 3,
                        "minimum": 1,
                        "x-twilio": {"pii": {"handling": "standard", "deleteSla": 30}},
                    },
                    "parts": {"type": "array", "items": {"type": "string", "pattern": "^P"}},
                },
            },
        }
    },
}
FACTS = {
    "paths": {
        "/v1/Baskets/{Sid}": {
            "post": {
                "path": {"Sid": {"type": "string"}},
                "query": {"Until": {"type": "string", "required": True}},
                "body": {
                    "application/json": {
                        "type": "object",
                        "required": ["Kind"],
                        "properties": {"Kind": {"type": ["string", "null"], "enum": ["big"]}},
                    }
                },
                "answers": {"200": {"$ref": "basket"}},
            },
            "delete": {"answers": {"204": {}}},
        }
    },
    "schemas": {
        "basket": {
            "type": "object",
            "properties": {
                "count": {
                    "type": ["integer", "null"],
                    "minimum": 1,
                    "pii": {"handling": "standard", "deleteSla": 30},
                },
                "parts": {"type": "array", "items": {"type": "string", "pattern": "^P"}},
            },
        }
    },
}


def test_facts_are_taken_and_texts_are_left():
    assert facts_of(DESCRIPTION) == FACTS


def test_a_data_file_names_its_source():
    name, text = extract("9.9", json.dumps(DESCRIPTION).encode())
    source = json.loads(text)["source"]

    assert name == "baskets_v1.json"
    assert (source["product"], source["version"], source["release"]) == ("Shop - Baskets", "1.2.3", "9.9")
    assert (source["repository"], source["file"]) == (REPOSITORY, "spec/json/twilio_baskets_v1.json")
    assert len(source["sha256"]) == 64


@pytest.mark.parametrize("file", DATA, ids=lambda file: file.name)
def test_a_data_file_is_as_the_script_writes_it_and_is_named_in_compatibility_md(file):
    text = file.read_text(encoding="utf-8")
    source = json.loads(text)["source"]
    document = " ".join(read("docs/compatibility.md").split())

    assert write(json.loads(text)) + "\n" == text
    assert source["repository"] in document
    assert f"release {source['release']}" in document
    assert f"`{source['product']}` {source['version']}" in document


def test_there_is_a_data_file_for_each_product():
    assert [file.name for file in DATA] == ["content_v1.json", "conversations_v1.json"]


if AT_HAND:

    @pytest.mark.parametrize("file", AT_HAND, ids=lambda file: file.name)
    def test_the_script_makes_the_data_file_from_the_description(file):
        name = f"{file.name.partition('.')[0]}.json"
        kept = (PUBLISHED / name).read_text(encoding="utf-8")

        assert extract(json.loads(kept)["source"]["release"], file.read_bytes()) == (name, kept)
