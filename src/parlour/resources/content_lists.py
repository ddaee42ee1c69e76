"""Two more lists of content: with the approvals, and of templates that came from an older console."""

from typing import Any, ClassVar

import msgspec

from parlour.api.collection import ALONE, Call, Collection
from parlour.resources.accounts import find_callers_account
from parlour.resources.approvals import Approvals, first_type
from parlour.resources.content import MAX_PAGE_SIZE, Content, list_contents
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_options import Hidden
from parlour.wire.field_types import JsonObject, Text, Timestamp
from parlour.wire.paging import Page
from parlour.wire.resource import Computed, Resource


class ContentAndApproval(Resource, frozen=True):
    """Content with its approval: `name` and `category` of the request for it, or "" if there was none."""

    table: ClassVar = Content.table
    shows_url: ClassVar = False

    sid: sids.Content
    account_sid: sids.Account
    date_created: Timestamp
    date_updated: Timestamp
    language: Text
    types: JsonObject
    friendly_name: Text | None
    variables: JsonObject
    name: Hidden[Text]
    category: Hidden[Text]
    content_type: Hidden[Text]

    @Computed(type="object")
    def approval_requests(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "category": self.category,
            "content_type": self.content_type,
            "status": "approved" if self.name else "unsubmitted",
            "rejection_reason": "",
            "allow_category_change": True,
        }


class LegacyContent(Resource, frozen=True):
    """A template that was made in the original's older console. Here is none."""

    table: ClassVar = Content.table

    sid: sids.Content
    account_sid: sids.Account
    date_created: Timestamp
    date_updated: Timestamp
    language: Text
    types: JsonObject
    friendly_name: Text | None
    variables: JsonObject
    legacy_template_name: Text | None = None
    legacy_body: Text | None = None


contents_and_approvals = Collection(
    ContentAndApproval,
    "/ContentAndApprovals",
    key="contents",
    parent=find_callers_account,
    prefixes=(ALONE,),
)
legacy_contents = Collection(
    LegacyContent, "/LegacyContent", key="contents", parent=find_callers_account, prefixes=(ALONE,)
)


@contents_and_approvals.list(max_page_size=MAX_PAGE_SIZE)
def list_contents_and_approvals(tx: Transaction, call: Call) -> Page[ContentAndApproval]:
    page = list_contents(tx, call)
    return Page([with_approval(tx, content) for content in page.rows], page.previous, page.next)


@legacy_contents.list(max_page_size=MAX_PAGE_SIZE)
def list_legacy_contents(_: Transaction, __: Call) -> Page[LegacyContent]:
    return Page([], None, None)


def with_approval(tx: Transaction, content: Content) -> ContentAndApproval:
    """Return content with its approval; without one, the fields that the contract shows then."""
    asked = tx.find(Approvals, sid=content.sid)
    named = ("", "", "") if asked is None else (asked.name, asked.category, first_type(content))
    name, category, content_type = named
    return ContentAndApproval(
        **msgspec.structs.asdict(content), name=name, category=category, content_type=content_type
    )
