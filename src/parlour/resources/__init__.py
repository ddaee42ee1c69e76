"""The collections that the server serves, in the order of their URLs."""

from parlour.resources.account_configuration import account_configuration
from parlour.resources.approvals import approval_requests, approvals
from parlour.resources.channel_metadata import channel_metadata
from parlour.resources.content import contents
from parlour.resources.content_lists import contents_and_approvals, legacy_contents
from parlour.resources.conversation_webhooks import conversation_webhooks
from parlour.resources.conversation_with_participants import conversations_with_participants
from parlour.resources.conversations import conversations
from parlour.resources.inbound import inbound
from parlour.resources.media import media, media_set
from parlour.resources.messages import messages
from parlour.resources.notifications import notifications
from parlour.resources.participants import participants
from parlour.resources.receipts import receipts
from parlour.resources.reports import status_callbacks
from parlour.resources.roles import roles
from parlour.resources.service_configuration import service_configuration
from parlour.resources.services import services
from parlour.resources.webhook_configuration import account_webhooks, service_webhooks
from parlour.resources.webhook_deliveries import webhook_deliveries

ALL = (
    account_configuration,
    account_webhooks,
    services,
    service_configuration,
    notifications,
    service_webhooks,
    roles,
    conversations,
    conversations_with_participants,
    participants,
    messages,
    receipts,
    channel_metadata,
    conversation_webhooks,
    contents,
    contents_and_approvals,
    legacy_contents,
    approvals,
    approval_requests,
    webhook_deliveries,
    status_callbacks,
    inbound,
    media,
    media_set,
)
