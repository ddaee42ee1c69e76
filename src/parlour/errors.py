"""Every error that this server can answer with, in one list."""

from dataclasses import dataclass

MORE_INFO = "https://www.twilio.com/docs/errors/"


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of the catalogue: call it with what its message names to get something to raise."""

    code: int
    status: int
    message: str

    def __call__(self, **details: object) -> "ApiError":
        return ApiError(self, self.message.format(**details))


class UserError(Exception):
    """What whoever runs a command can correct: it is shown as one line, without a traceback."""

    def line(self) -> str:
        return str(self)


class ApiError(Exception):
    """A refusal; `body()` is what the caller is sent (contract: messages.md §3)."""

    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.problem = problem

    def body(self) -> dict[str, object]:
        return {
            "code": self.problem.code,
            "message": str(self),
            "more_info": f"{MORE_INFO}{self.problem.code}",
            "status": self.problem.status,
        }


# Any request
INVALID_PARAMETER = Problem(20001, 400, "Invalid parameter {name}: {reason}")
INVALID_REQUEST = Problem(20001, 400, "Invalid request: {reason}")
MISSING_PARAMETER = Problem(20001, 400, "Missing required parameter {name} in the post body")
AUTHENTICATE = Problem(20003, 401, "Authenticate")
METHOD_NOT_ALLOWED = Problem(20004, 405, "Method not allowed")
RANGE_NOT_SATISFIABLE = Problem(20001, 416, "Invalid request: the range is beyond the file's end")
NOTHING_TO_UPDATE = Problem(20161, 400, "Parameters are not specified for update request")
LINK_NOT_VALID = Problem(20403, 403, "Forbidden")
HOST_REFUSED = Problem(
    20403,
    403,
    "Parlour does not serve {host}: to send its requests to a server of yours, use"
    " --intercept-route {host}=http://127.0.0.1:9000; to let them through to the real one, use"
    " --intercept-others pass",
)
NOT_FOUND = Problem(20404, 404, "The requested resource {path} was not found")
REQUEST_TIMEOUT = Problem(20408, 408, "Request Timeout")
CONFLICT = Problem(20409, 409, "Conflict: {reason}")
REQUEST_TOO_LARGE = Problem(20413, 413, "Request entity is larger than limits defined")
URL_TOO_LONG = Problem(20414, 414, "Request URL is longer than limits defined")
CONTENT_ENCODED = Problem(
    20415, 415, "Unsupported Media Type: the body must be sent without Content-Encoding"
)
IDEMPOTENCY_KEY_REUSED = Problem(20422, 422, "{name} was already used with other content")
TOO_MANY_REQUESTS = Problem(20429, 429, "Too Many Requests")
HEADERS_TOO_LARGE = Problem(20431, 431, "Request headers are larger than limits defined")
INTERNAL_ERROR = Problem(20500, 500, "Internal Server Error")
METHOD_NOT_IMPLEMENTED = Problem(20501, 501, "Method not implemented")
HOST_UNREACHABLE = Problem(20502, 502, "Bad Gateway: {host} cannot be reached")
SERVICE_UNAVAILABLE = Problem(20503, 503, "Service unavailable")
VERSION_NOT_SUPPORTED = Problem(20505, 505, "HTTP version not supported")

# Webhooks
INVALID_WEBHOOK_FORMAT = Problem(50054, 400, "Invalid webhook format")
INVALID_WEBHOOK_METHOD = Problem(50055, 400, "Invalid webhook method")
WEBHOOK_CANCELLED = Problem(50056, 403, "Webhook cancelled processing of command")
TOO_MANY_WEBHOOKS = Problem(50361, 400, "Too many conversation webhooks")
TOO_MANY_TRIGGERS = Problem(50362, 400, "Too many conversation webhook triggers")
INVALID_WEBHOOK_TARGET = Problem(50364, 400, "Invalid conversation webhook type")
INVALID_WEBHOOK_FILTER = Problem(50365, 400, "Invalid conversation webhook filter")
INVALID_WEBHOOK_TRIGGER = Problem(50366, 400, "Invalid conversation webhook trigger")
INVALID_FLOW_SID = Problem(50367, 400, "Invalid conversation webhook flow SID")
WEBHOOK_URL_NOT_PROVIDED = Problem(50369, 400, "Conversation webhook URL not provided")
WEBHOOK_FILTER_NOT_PROVIDED = Problem(50370, 400, "Conversation webhook filter not provided")
WEBHOOK_TRIGGER_NOT_PROVIDED = Problem(50371, 400, "Conversation webhook trigger not provided")
WEBHOOK_URL_TOO_LONG = Problem(50372, 400, "Conversation webhook URL is too long")

# Services and conversations
FRIENDLY_NAME_NOT_PROVIDED = Problem(50000, 400, "FriendlyName not provided")
FRIENDLY_NAME_TOO_LONG = Problem(50003, 400, "Friendly name too long")
UNIQUE_NAME_TOO_LONG = Problem(50004, 400, "Unique Name too long")
INVALID_MESSAGING_SERVICE_SID = Problem(50341, 400, "Invalid messaging service SID")
UNIQUE_NAME_TAKEN = Problem(50353, 409, "Conversation with provided unique name already exists")
STATE_EMPTY = Problem(50374, 400, "'State' field can't be empty")
INACTIVE_TIMER_TOO_SHORT = Problem(50375, 400, "TimeToInactive should be greater or equal to 1 minute")
CLOSED_TIMER_TOO_SHORT = Problem(50376, 400, "TimeToClosed should be greater or equal to 10 minutes")
CONVERSATION_CLOSED = Problem(50377, 400, "Can't update conversation as it's in final closed state")
INVALID_STATE = Problem(50378, 400, "'State' parameter value is invalid")
INVALID_INACTIVE_TIMER = Problem(50379, 400, "TimeToInactive format is invalid")
INVALID_CLOSED_TIMER = Problem(50380, 400, "TimeToClosed format is invalid")
# The quotation mark is not closed in the original either (contract: additions.md A.2).
INITIAL_STATE_CLOSED = Problem(50384, 400, "Initial state can't be 'closed")
NO_CONVERSATION_HOLDS = Problem(
    50350,
    404,
    "Conversation not found: no open one holds these addresses, and none is set to be made for them",
)
UNIQUE_NAME_LIKE_SID = Problem(50390, 400, "Unique name should not match conversation sid pattern")
END_BEFORE_START = Problem(50396, 400, "EndDate parameter should be greater than StartDate parameter")

# Roles and configuration
SERVICE_NOT_FOUND = Problem(50050, 400, "Service Instance not found")
TEMPLATE_TOO_LONG = Problem(50058, 400, "Notification template too long")
SOUND_TOO_LONG = Problem(50059, 400, "Notification sound name too long")
SERVICE_ROLE_NOT_FOUND = Problem(50102, 400, "Deployment role not found")
PERMISSION_NOT_FOUND = Problem(50104, 400, "Permission not found")
INVALID_ROLE_TYPE = Problem(50105, 400, "Invalid role type")
CREATOR_ROLE_NOT_FOUND = Problem(50106, 400, "Channel creator role not found")

# Conversations, participants and messages
ATTRIBUTES_TOO_LONG = Problem(50303, 400, "Attributes too long")
ATTRIBUTES_NOT_JSON = Problem(50304, 400, "Attributes not valid JSON")
INVALID_DATE_CREATED = Problem(50308, 400, "Invalid Date Created parameter")
INVALID_DATE_UPDATED = Problem(50309, 400, "Invalid Date Updated parameter")

# Participants
INVALID_ROLE_SID = Problem(50109, 400, "Conversation role not found")
IDENTITY_NOT_PROVIDED = Problem(50204, 400, "Identity not provided")
IDENTITY_LIKE_SID = Problem(50206, 400, "Identity should not match user SID pattern")
IDENTITY_TOO_LONG = Problem(50207, 400, "Identity too long")
IDENTITY_NOT_ACCEPTABLE = Problem(50211, 400, "Identity parameter not acceptable for this Participant")
INVALID_LAST_READ_TIMESTAMP = Problem(50405, 400, "Invalid last consumption timestamp format")
INVALID_BINDING_ADDRESS = Problem(50407, 400, "Invalid messaging binding address")
INVALID_PROXY_ADDRESS = Problem(50408, 400, "Invalid participant proxy address")
ADDRESS_EQUALS_PROXY = Problem(50409, 400, "Participant address equals proxy address")
ADDRESS_EMPTY = Problem(50411, 400, "Participant address is empty")
PROXY_ADDRESS_EMPTY = Problem(50412, 400, "Participant proxy address is empty")
ADDRESS_TYPE_MISMATCH = Problem(50414, 400, "Participant address type does not match proxy address type")
ADDRESS_PAIR_TAKEN = Problem(
    50416, 409, "A binding for this participant and proxy address already exists in Conversation {holder}"
)
TOO_MANY_PARTICIPANTS = Problem(50417, 400, "Participants limit exceeded")
INVALID_LAST_READ_INDEX = Problem(50421, 400, "Invalid last read message index format")
TOO_MANY_NON_CHAT = Problem(50422, 400, "Non-chat conversation participants limit exceeded")
INVALID_PARTICIPANT = Problem(50424, 400, "One of the JSON requests for participant creation is invalid.")
PAIRS_TAKEN = Problem(
    50425, 409, "Participant and proxy address pairs for one or more participants already in use."
)
TOO_MANY_IN_ONE_REQUEST = Problem(50426, 400, "Request contains too many participants.")
PARTICIPANT_EXISTS = Problem(50433, 409, "Participant already exists")
PROJECTED_ADDRESS_NOT_PROVIDED = Problem(50434, 400, "Participant projected address not provided")
GROUP_NOT_ACTIVATED = Problem(50435, 400, "Group MMS activation failed.")
GROUP_TOO_LARGE = Problem(50436, 400, "Participant limit exceeded for group conversation")
GROUP_PARTICIPANT_EXISTS = Problem(50437, 409, "Group Participant already exists")
GROUP_EXISTS = Problem(
    50438, 409, "Group MMS with given participant list already exists as Conversation {holder}"
)
CANNOT_REMOVE_PROXY = Problem(50440, 400, "Failed to remove the proxy address of a participant.")
CANNOT_ADD_PROXY = Problem(50441, 400, "Failed to add a proxy address to a participant.")
CANNOT_REMOVE_PROJECTED = Problem(50442, 400, "Failed to remove the projected address of a participant.")
CANNOT_ADD_PROJECTED = Problem(50443, 400, "Failed to add a projected address to a participant.")
CANNOT_ADD_IDENTITY = Problem(50444, 400, "Failed to add an identity to a participant.")

# Messages
AUTHOR_TOO_LONG = Problem(50310, 400, "Author parameter is too long")
BODY_TOO_LONG = Problem(50504, 400, "Message body parameter is too long")
MEDIA_NOT_FOUND = Problem(50507, 400, "Media not found")
MEDIA_ALREADY_SENT = Problem(50508, 409, "Media already sent with another message")
INVALID_MEDIA_SID = Problem(50510, 400, "Invalid message media SID")
INVALID_MEDIA_TYPE = Problem(50511, 400, "Invalid message media content type")
MEDIA_TOO_LARGE = Problem(50512, 413, "Message media size is too large")
AUTHOR_NOT_IN_GROUP = Problem(50513, 400, "Message author should be among Group MMS participants.")
INVALID_CONTENT_SID = Problem(50526, 400, "Invalid content SID")
CONTENT_VARIABLES_NOT_JSON = Problem(50527, 400, "Invalid content variables format")
CONTENT_VARIABLES_WITHOUT_CONTENT = Problem(50528, 400, "Content SID is missing")
CONTENT_VARIABLES_TOO_LONG = Problem(50529, 400, "Content variables are too long")
CHANNEL_METADATA_NOT_FOUND = Problem(50530, 404, "Channel Metadata not found")
CONTENT_VARIABLE_KEY_TOO_LONG = Problem(50540, 400, "Content variable key is too long")
CONTENT_VARIABLE_VALUE_TOO_LONG = Problem(50541, 400, "Content variable value is too long")
