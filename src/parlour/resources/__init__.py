"""What the server serves, in the order of its URLs."""

from parlour.resources.approvals import approval_requests, approvals
from parlour.resources.channel_metadata import channel_metadata
from parlour.resources.content import contents
from parlour.resources.conversations import conversations
from parlour.resources.media import media
from parlour.resources.messages import messages
from parlour.resources.participants import participants
from parlour.resources.receipts import receipts
from parlour.resources.services import services

ALL = (
    services,
    conversations,
    participants,
    messages,
    receipts,
    channel_metadata,
    contents,
    approvals,
    approval_requests,
)
FILES = (media,)
