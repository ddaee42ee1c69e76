"""Content: templates that messages can be made from, with variables."""

from typing import Annotated, Any, ClassVar

import msgspec

from parlour import errors
from parlour.api.body import AS_JSON
from parlour.api.collection import ALONE, Call, Collection
from parlour.resources.accounts import find_callers_account
from parlour.resources.content_types import (
    Value,
    check_types,
    check_variables,
    message_text,
    render_types,
    to_text,
)
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_options import AlwaysRequired, Required, WireName, Writable
from parlour.wire.field_types import FieldType, Timestamp
from parlour.wire.json_field_types import json_object, json_string
from parlour.wire.paging import Page
from parlour.wire.resource import Resource
from parlour.wire.texts import BadText, read_json

# Contract: additions.md A.8. The characters are those of the names, the values and the JSON around them: 100
# of each at their longest have exactly so many.
MAX_VARIABLES = 100
MAX_VARIABLES_CHARACTERS = 27_801
MAX_KEY_CHARACTERS = 16
MAX_VALUE_CHARACTERS = 256

# Ten times as many as other lists have (contract: additions.md A.15).
MAX_PAGE_SIZE = 1_000
MAX_NAME_CHARACTERS = 256
MAX_RENDERED_BYTES = 65_536
MAX_LANGUAGE_CHARACTERS = 16

OBJECT = {"type": "object"}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}

Name = Annotated[str, json_string(MAX_NAME_CHARACTERS), WireName("friendly_name")]
Language = Annotated[str, json_string(MAX_LANGUAGE_CHARACTERS, may_be_empty=False), WireName("language")]
Variables = Annotated[str, json_object(check_variables, TEXTS), WireName("variables")]
Types = Annotated[str, json_object(check_types, OBJECT), WireName("types")]


def read_values(raw: str) -> dict[str, Value]:
    """Read a JSON object of strings: the values of variables, by name. Raises ApiError."""
    try:
        values = read_json(raw, dict[str, Value])
    except BadText:
        raise errors.CONTENT_VARIABLES_NOT_JSON() from None
    if len(values) > MAX_VARIABLES or count_characters(values) > MAX_VARIABLES_CHARACTERS:
        raise errors.CONTENT_VARIABLES_TOO_LONG()
    if any(len(key) > MAX_KEY_CHARACTERS for key in values):
        raise errors.CONTENT_VARIABLE_KEY_TOO_LONG()
    if any(len(to_text(value)) > MAX_VALUE_CHARACTERS for value in values.values()):
        raise errors.CONTENT_VARIABLE_VALUE_TOO_LONG()
    return values


def count_characters(values: dict[str, Value]) -> int:
    """Return the length of the JSON of these values, without blanks and with each escape as one character."""
    members = [
        len(key) + len(to_text(value)) + len('"":""' if isinstance(value, str) else '"":')
        for key, value in values.items()
    ]
    return len("{}") + sum(members) + max(len(members) - 1, 0)


ContentSid = Annotated[str, sids.sid("HX", invalid=errors.INVALID_CONTENT_SID)]
ContentVariables = Annotated[dict[str, Value], FieldType(read_values, {"type": "string"})]


class Content(Resource, frozen=True):
    table: ClassVar = "contents"
    owners: ClassVar = {"accounts": "account_sid"}
    link_names: ClassVar = {
        "approval_create": "ApprovalRequests/whatsapp",
        "approval_fetch": "ApprovalRequests",
    }

    sid: sids.Content
    account_sid: sids.Account
    date_created: Timestamp
    date_updated: Timestamp
    language: Required[Writable[Language]]
    types: AlwaysRequired[Writable[Types]]
    friendly_name: Writable[Name | None] = None
    variables: Writable[Variables] = "{}"


contents = Collection(
    Content, "/Content", key="contents", parent=find_callers_account, prefixes=(ALONE,), encoding=AS_JSON
)


@contents.create()
def create_content(tx: Transaction, call: Call) -> Content:
    return tx.insert(
        Content(
            sid=tx.new_sid("HX"),
            account_sid=call.account_sid,
            date_created=tx.now,
            date_updated=tx.now,
            **call.changes,
        )
    )


@contents.list(max_page_size=MAX_PAGE_SIZE)
def list_contents(tx: Transaction, call: Call) -> Page[Content]:
    mine = [("account_sid", "=", call.account_sid)]
    return tx.page(Content, call.paging, where=mine, by=("date_created", "sid"))


@contents.fetch()
def fetch_content(tx: Transaction, call: Call) -> Content:
    return find_path_content(tx, call, "Sid")


@contents.replace()
def update_content(tx: Transaction, call: Call) -> Content:
    return tx.update(fetch_content(tx, call), **{"date_updated": tx.now} | call.changes)


@contents.delete()
def delete_content(tx: Transaction, call: Call) -> None:
    tx.delete(fetch_content(tx, call))


def find_path_content(tx: Transaction, call: Call, name: str) -> Content:
    content = tx.find(Content, sid=call.path[name])
    if content is None:
        raise call.not_found()
    return content


def render_content(tx: Transaction, sid: str, values: dict[str, Value]) -> dict[str, Any]:
    """Return the fields of a message that is made from content, by name.

    Raises 404/20404 if there is no such content, and 400/50504 if the result is too large.
    """
    content = tx.find(Content, sid=sid)
    if content is None:
        raise errors.NOT_FOUND(path=f"/Content/{sid}")
    given = {name: value for name, value in values.items() if value is not None}
    name, data = render_types(
        msgspec.json.decode(content.types), msgspec.json.decode(content.variables) | given
    )
    written = msgspec.json.encode({"type": name, "data": data})
    if len(written) > MAX_RENDERED_BYTES:
        raise errors.BODY_TOO_LONG()
    return {"body": message_text(data), "content_sid": sid, "content": written.decode()}
