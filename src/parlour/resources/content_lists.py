"""Two more lists of content: with the approvals, and of templates that came from an older console."""

from typing import Any, ClassVar

import msgspec

from parlour.api.collection import ALONE, Call, Collection
from parlour.resources.accounts import find_callers_account
from parlour.resources.approvals import show_approval
from parlour.resources.content import MAX_PAGE_SIZE, Content, list_contents
from parlour.store import Transaction
from parlour.wire import sids
from parlour.wire.field_options import Hidden
from parlour.wire.field_types import JsonObject, Text, Timestamp
from parlour.wire.paging import Page
from parlour.wire.resource import Computed, Resource

# All approvals of a page at once. SIDs grow, so those of a page are neighbours.
APPROVALS = """SELECT sid, name, category, content_type FROM content_approvals
WHERE account_sid = ? AND sid >= ? AND sid <= ?"""


class ListedContent(Resource, frozen=True):
    """The fields that both lists show of content."""

    table: ClassVar = Content.table

    sid: sids.Content
    account_sid: sids.Account
    date_created: Timestamp
    date_updated: Timestamp
    language: Text
    types: JsonObject
    friendly_name: Text | None
    variables: JsonObject


class ContentAndApproval(ListedContent, frozen=True):
    """Content with its approval: `name` and `category` of the request for it, or "" if there was none."""

    shows_url: ClassVar = False

    name: Hidden[Text] = ""
    category: Hidden[Text] = ""
    content_type: Hidden[Text] = ""

    @Computed(type="object")
    def approval_requests(self) -> dict[str, Any]:
        return show_approval(self.name, self.category, self.content_type)


class LegacyContent(ListedContent, frozen=True):
    """A template that was made in the original's older console. Here is none."""

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
    asked = approvals_of(tx, call, [content.sid for content in page.rows])
    listed = [
        ContentAndApproval(**msgspec.structs.asdict(content), **asked.get(content.sid, {}))
        for content in page.rows
    ]
    return Page(listed, page.previous, page.next)


@legacy_contents.list(max_page_size=MAX_PAGE_SIZE)
def list_legacy_contents(_: Transaction, __: Call) -> Page[LegacyContent]:
    return Page([], None, None)


def approvals_of(tx: Transaction, call: Call, found: list[str]) -> dict[str, dict[str, Any]]:
    """Return the fields of the approvals that were requested, by the SID of the content."""
    rows = tx.select(APPROVALS, call.account_sid, min(found), max(found)) if found else []
    return {
        sid: {"name": name, "category": category, "content_type": content_type}
        for sid, name, category, content_type in rows
    }
