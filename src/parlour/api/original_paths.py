"""The paths that the original describes. Those without a route answer 404/20404, and the log names them."""

from parlour.api.collection import ALONE, BOTH, IN_SERVICE

ALONE_ONLY = (
    "/Configuration/Addresses",
    "/Configuration/Addresses/{Sid}",
    "/Content",
    "/Content/{ContentSid}/ApprovalRequests/whatsapp",
    "/Content/{Sid}",
    "/Content/{Sid}/ApprovalRequests",
    "/ContentAndApprovals",
    "/Credentials",
    "/Credentials/{Sid}",
    "/LegacyContent",
    "/Services",
    "/Services/{Sid}",
)
IN_SERVICE_ONLY = (
    "/Bindings",
    "/Bindings/{Sid}",
    "/Configuration/Notifications",
)
EITHER = (
    "/Configuration",
    "/Configuration/Webhooks",
    "/ConversationWithParticipants",
    "/Conversations",
    "/Conversations/{ConversationSid}/Messages",
    "/Conversations/{ConversationSid}/Messages/{MessageSid}/Receipts",
    "/Conversations/{ConversationSid}/Messages/{MessageSid}/Receipts/{Sid}",
    "/Conversations/{ConversationSid}/Messages/{Sid}",
    "/Conversations/{ConversationSid}/Participants",
    "/Conversations/{ConversationSid}/Participants/{Sid}",
    "/Conversations/{ConversationSid}/Webhooks",
    "/Conversations/{ConversationSid}/Webhooks/{Sid}",
    "/Conversations/{Sid}",
    "/ParticipantConversations",
    "/Roles",
    "/Roles/{Sid}",
    "/Users",
    "/Users/{Sid}",
    "/Users/{UserSid}/Conversations",
    "/Users/{UserSid}/Conversations/{ConversationSid}",
)
ORIGINAL_PATHS = (
    *(ALONE + path for path in ALONE_ONLY),
    *(IN_SERVICE + path for path in IN_SERVICE_ONLY),
    *(prefix + path for prefix in BOTH for path in EITHER),
)
