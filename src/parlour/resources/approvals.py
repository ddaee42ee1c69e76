"""Approvals of content. A self-hosted server has nobody to ask, so every request is approved at once."""

from typing import Annotated, Any, ClassVar

import msgspec

from parlour.api.body import AS_JSON
from parlour.api.collection import ALONE, Call, Singleton
from parlour.resources.accounts import find_callers_account
from parlour.resources.content import find_path_content
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_options import Creatable, Hidden, Required, WireName
from parlour.wire.field_types import Text
from parlour.wire.json_field_types import json_string
from parlour.wire.resource import Computed, Resource

MAX_NAME_CHARACTERS = 512
MAX_CATEGORY_CHARACTERS = 64

Name = Annotated[str, json_string(MAX_NAME_CHARACTERS, may_be_empty=False), WireName("name")]
Category = Annotated[str, json_string(MAX_CATEGORY_CHARACTERS, may_be_empty=False), WireName("category")]


class Approval(Resource, frozen=True):
    """A request for approval; `sid` is the content's."""

    table: ClassVar = "content_approvals"
    shows_url: ClassVar = False

    sid: Hidden[sids.Content]
    account_sid: Hidden[sids.Account]
    name: Required[Creatable[Name]]
    category: Required[Creatable[Category]]
    content_type: Text

    @Computed(type="string")
    def status(self) -> str:
        return "approved"

    @Computed(type="string")
    def rejection_reason(self) -> str:
        return ""

    @Computed(type="boolean")
    def allow_category_change(self) -> bool:
        return True


class Approvals(Resource, frozen=True):
    """The same row, as the content's ApprovalRequests show it; without a row, no approval was requested."""

    table: ClassVar = "content_approvals"

    sid: sids.Content
    account_sid: sids.Account
    name: Hidden[Text]
    category: Hidden[Text]
    content_type: Hidden[Text]

    @Computed(type="object")
    def whatsapp(self) -> dict[str, Any]:
        return {"type": "whatsapp", **show_approval(self.name, self.category, self.content_type)}


def show_approval(name: str, category: str, content_type: str) -> dict[str, Any]:
    """Return what is shown of a request for approval; without a `name` there was none."""
    return {
        "name": name,
        "category": category,
        "content_type": content_type,
        "status": "approved" if name else "unsubmitted",
        "rejection_reason": "",
        "allow_category_change": True,
    }


approval_requests = Singleton(
    Approval,
    "/Content/{ContentSid}/ApprovalRequests/whatsapp",
    key="approval_requests",
    parent=find_callers_account,
    prefixes=(ALONE,),
    encoding=AS_JSON,
)
approvals = Singleton(
    Approvals,
    "/Content/{Sid}/ApprovalRequests",
    key="approvals",
    parent=find_callers_account,
    prefixes=(ALONE,),
)


@approval_requests.create()
def create_approval(tx: Transaction, call: Call) -> Approval:
    """A second request replaces the first one."""
    content = find_path_content(tx, call, "ContentSid")
    fields = {**call.changes, "content_type": first_type(content.types)}
    known = tx.find(Approval, sid=content.sid)
    if known is not None:
        return tx.update(known, **fields)
    return tx.insert(Approval(sid=content.sid, account_sid=content.account_sid, **fields))


@approvals.fetch()
def fetch_approvals(tx: Transaction, call: Call) -> Approvals:
    content = find_path_content(tx, call, "Sid")
    found = tx.find(Approvals, sid=content.sid)
    if found is not None:
        return found
    return Approvals(content.sid, content.account_sid, "", "", first_type(content.types))


def first_type(types: str) -> str:
    """Return the name of the first of the types, which are stored as JSON."""
    named: dict[str, Any] = msgspec.json.decode(types)
    return next(iter(named))
