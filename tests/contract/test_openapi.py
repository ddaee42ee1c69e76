"""Our OpenAPI description against the published ones, for every path that is served."""

import copy

import pytest

from parlour import resources
from parlour.api.openapi import describe
from tests.contract.compare import differences, resolved
from tests.contract.facts import facts_of, published
from tests.documents import rows_of

PUBLISHED = published()
SERVED = facts_of(describe(resources.ALL, "http://localhost"))["paths"]
# Messages link to channel metadata, and media have a host of their own (contract: messages.md §4 and §5):
# no published description has them.
UNPUBLISHED = ("/ChannelMetadata", "/Media", "/Media/{Sid}", "/Media/{Sid}/Content", "/MediaSet")
SERVICES = "/v1/Services"
SENSITIVE = {"handling": "sensitive", "deleteSla": 30}
MESSAGES = "/v1/Conversations/{ConversationSid}/Messages"


def compare(path, method, ours):
    return differences(ours, PUBLISHED["paths"][path][method], PUBLISHED["schemas"])


def label(path, difference):
    """Return where a difference is: the last name in the path, and the field without the list's key."""
    collection = [part for part in path.split("/") if not part.startswith("{")][-1]
    place, name = difference.where.split(" ", 1)
    return f"`{collection}`: {place} `{name.strip('`').rpartition('[].')[2]}`"


def test_every_path_that_is_served_is_published():
    served = {
        (path, method) for path, methods in SERVED.items() for method in methods if path.startswith("/v1/")
    }
    known = {(path, method) for path, methods in PUBLISHED["paths"].items() for method in methods}

    assert len(served) > 50
    assert {path for path, _ in served - known if not path.endswith(UNPUBLISHED)} == set()


def test_the_differences_are_those_that_compatibility_md_gives_reasons_for():
    found = {
        (label(path, each), each.published, each.here)
        for path, methods in SERVED.items()
        for method, operation in methods.items()
        if path in PUBLISHED["paths"]
        for each in compare(path, method, operation)
    }
    listed = {
        tuple(row[:3]): row[3]
        for row in rows_of("docs/compatibility.md")
        if row[0].startswith("`") and ": " in row[0]
    }

    assert found == set(listed)
    assert all(listed.values())


def test_a_path_says_which_sids_it_takes_as_the_published_ones_do():
    patterns = {
        (path, method, name): (schema.get("pattern"), theirs[name].get("pattern"))
        for path, methods in SERVED.items()
        if path in PUBLISHED["paths"]
        for method, operation in methods.items()
        for theirs in [PUBLISHED["paths"][path][method].get("path", {})]
        for name, schema in operation.get("path", {}).items()
    }

    assert [each for each, (ours, theirs) in patterns.items() if ours != theirs] == []
    assert {ours[1:3] for ours, _ in patterns.values() if ours} == {"IS", "IM", "DY", "WH", "HX", "RL"}


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (MESSAGES, {"Author": "standard", "Body": "sensitive", "Attributes": "sensitive"}),
        (
            "/v1/Conversations",
            {"FriendlyName": "standard", "UniqueName": "standard", "Attributes": "sensitive"},
        ),
        (
            "/v1/Conversations/{ConversationSid}/Participants",
            {
                "Identity": "standard",
                "Attributes": "sensitive",
                "MessagingBinding.Address": "standard",
                "MessagingBinding.ProxyAddress": "standard",
                "MessagingBinding.ProjectedAddress": "standard",
            },
        ),
    ],
)
def test_parameters_are_marked_as_what_they_set(path, names):
    """The reference page marks a message's parameters, the published file marks answers only."""
    [form] = SERVED[path]["post"]["body"].values()
    marked = {name: each["pii"] for name, each in form["properties"].items() if "pii" in each}

    assert marked == {name: {"handling": handling, "deleteSla": 30} for name, handling in names.items()}


def test_content_is_made_and_replaced_with_types():
    for path, method in (("/v1/Content", "post"), ("/v1/Content/{Sid}", "put")):
        [ours], [theirs] = (
            [resolved(form, PUBLISHED["schemas"])["required"] for form in operation["body"].values()]
            for operation in (SERVED[path][method], PUBLISHED["paths"][path][method])
        )
        assert sorted(ours) == sorted(theirs)


def test_delivery_and_media_of_a_message_have_types():
    message = SERVED[f"{MESSAGES}/{{Sid}}"]["get"]["answers"]["200"]["properties"]
    how_many = {"type": "string", "enum": ["none", "some", "all"]}

    assert message["delivery"]["type"] == ["object", "null"]
    assert message["delivery"]["properties"] == {
        "total": {"type": "integer"},
        **dict.fromkeys(("sent", "delivered", "read", "failed", "undelivered"), how_many),
    }
    assert message["media"]["type"] == ["array", "null"]
    assert message["media"]["items"]["properties"] == {
        "category": {"type": "string"},
        "filename": {"type": ["string", "null"]},
        "size": {"type": "integer"},
        "content_type": {"type": "string"},
        "sid": {"type": "string", "pattern": "^ME[0-9a-fA-F]{32}$"},
    }


def new_differences(path, ours):
    """Return the differences of a changed GET that it has not as it is served."""
    known = compare(path, "get", SERVED[path]["get"])
    return [each for each in compare(path, "get", ours) if each not in known]


def change_type(message):
    message["properties"]["index"]["type"] = ["integer", "null"]


def add_field(message):
    message["properties"]["mood"] = {"type": "string"}


def remove_field(message):
    del message["properties"]["author"]


def change_format(message):
    message["properties"]["url"].pop("format")


def remove_mark(message):
    del message["properties"]["body"]["pii"]


def change_pattern(message):
    message["properties"]["sid"]["pattern"] = "^MM"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (change_type, ("answer `index`", "type integer", "type integer, null")),
        (add_field, ("answer `mood`", "not there", "there")),
        (remove_field, ("answer `author`", "there", "not there")),
        (change_format, ("answer `url`", "format uri", "any format")),
        (remove_mark, ("answer `body`", f"pii {SENSITIVE}", "any pii")),
        (change_pattern, ("answer `sid`", "pattern ^IM[0-9a-fA-F]{32}$", "pattern ^MM")),
    ],
)
def test_a_change_of_an_answer_is_noticed(change, expected):
    ours = copy.deepcopy(SERVED[f"{MESSAGES}/{{Sid}}"]["get"])
    change(ours["answers"]["200"])
    [found] = new_differences(f"{MESSAGES}/{{Sid}}", ours)

    assert (found.where, found.published, found.here) == expected


@pytest.mark.parametrize(
    ("place", "name", "schema", "expected"),
    [
        ("query", "Order", {"type": "string", "enum": ["asc"]}, ("enum asc, desc", "enum asc")),
        ("query", "Order", {"type": "integer"}, ("type string", "type integer")),
        ("query", "Order", {"type": "string", "required": True}, ("any required", "required True")),
        ("query", "PageSize", {"type": "integer", "maximum": 50}, ("maximum 100", "maximum 50")),
        ("query", "PageSize", {"type": "integer", "minimum": 5}, ("minimum 1", "minimum 5")),
        ("query", "Since", {"type": "string"}, ("not there", "there")),
        ("path", "ConversationSid", {"type": "string", "pattern": "^CH"}, ("any pattern", "pattern ^CH")),
        ("header", "X-Priority", {"type": "string"}, ("not there", "there")),
    ],
)
def test_a_parameter_that_takes_less_is_noticed(place, name, schema, expected):
    ours = copy.deepcopy(SERVED[MESSAGES]["get"])
    ours.setdefault(place, {})[name] = schema
    [found] = new_differences(MESSAGES, ours)

    assert (found.where, found.published, found.here) == (f"{place} `{name}`", *expected)


def test_a_form_field_that_becomes_required_is_noticed():
    ours = copy.deepcopy(SERVED[MESSAGES]["post"])
    [form] = ours["body"].values()
    form["required"] = ["Author"]

    assert "required Author" in {each.here for each in compare(MESSAGES, "post", ours)}
