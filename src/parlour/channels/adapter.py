"""The interface of channel adapters: the message to send, its result, reports, and the adapter's context."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from parlour.errors import UserError

# The code of failures without one of their own: unknown error.
UNKNOWN_ERROR = 30008

# The limits of a report that can be stored. `after` is in seconds.
MAX_CHANNEL_MESSAGE_SID_CHARACTERS = 64
MAX_ERROR_CODE = 10**15 - 1
MAX_METADATA_BYTES = 16_384
MAX_AFTER_SECONDS = 366 * 24 * 60 * 60.0

Status = Literal["sent", "delivered", "read", "undelivered", "failed"]


class Attachment(msgspec.Struct, frozen=True, rename="pascal"):
    """A file that goes with a message; `size` is in bytes."""

    sid: str
    content_type: str
    size: int
    filename: str | None = None


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """A report on a message to one recipient.

    `status` is None if only other values are reported. `error_code` is used with undelivered and failed.
    With `after`, the report is expected so many seconds after the `send` that returned it began; from an
    adapter's stream, so many seconds from now. `metadata` are the channel's own data on the message: a type
    and an object.
    """

    conversation_sid: str
    receipt_sid: str
    status: Status | None = None
    error_code: int | None = None
    channel_message_sid: str | None = None
    metadata: tuple[str, dict[str, Any]] | None = None
    after: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One message for one recipient. Texts and credentials are not part of its `repr`.

    `sid` is the receipt's, and the same in every attempt. `tries` counts the attempts before this one,
    `waited` the seconds since the message was posted. `sender` is the address that the message comes from.
    `parameters` are all of it as texts, as they are stored.
    """

    sid: str
    account_sid: str
    chat_service_sid: str
    conversation_sid: str
    message_sid: str
    participant_sid: str
    channel: str
    tries: int
    waited: float
    to: str = field(repr=False)
    sender: str | None = field(repr=False)
    sender_name: str | None = field(repr=False)
    subject: str | None = field(repr=False)
    body: str = field(repr=False)
    media: Sequence[Attachment] = field(repr=False)
    auth_token: str = field(repr=False)
    parameters: Mapping[str, str] = field(repr=False)

    def report(self, status: Status | None, **more: Any) -> Report:
        return Report(self.conversation_sid, self.sid, status, **more)


class Sent(NamedTuple):
    """The channel has taken the message: reports on it, for now or for later, and the HTTP status of a reply.

    `remark` is shown with the attempt; it says what in the reply was not understood.
    """

    reports: Sequence[Report]
    status_code: int | None = None
    remark: str | None = None


class NotSent(Exception):
    """The channel has not taken the message. With `again`, it is sent again after the next retry delay.

    Callers see the reason with the attempt, so it must not hold anything secret.
    """

    def __init__(
        self, reason: str, *, again: bool, error_code: int = UNKNOWN_ERROR, status_code: int | None = None
    ) -> None:
        super().__init__(reason)
        self.again, self.error_code, self.status_code = again, error_code, status_code


class Adapter(Protocol):
    """Sends messages to recipients on a channel.

    Making an adapter must not use the network. `send` has ten seconds. It raises NotSent; anything else that
    it raises is a failure after which the message is sent again. `reports` yields what the channel reports by
    itself; it is asked for the next report when the one before is on the disk, and may end at once.
    """

    async def send(self, outgoing: Outgoing) -> Sent: ...
    def reports(self) -> AsyncIterator[Report]: ...
    async def close(self) -> None: ...


class AdapterContext(NamedTuple):
    """What an adapter is created with.

    `settings` are Parlour's settings by name, as they are in effect, without account_sid, auth_token and
    secret_key. `media_url` returns a URL of an attachment's content that needs no credentials and works
    for five minutes. `read_media` returns the content. `callback_url` returns the URL that the status of
    a message can be posted to, with the account's credentials.
    """

    settings: Mapping[str, Any]
    media_url: Callable[[Outgoing, Attachment], str]
    read_media: Callable[[Attachment], Awaitable[bytes]]
    callback_url: Callable[[Outgoing], str]


AdapterFactory = Callable[[AdapterContext], Adapter]


class BadChannel(UserError):
    """The settings of a channel are not valid, or its adapter is not installed."""


async def no_reports() -> AsyncIterator[Report]:
    """A stream without reports, for channels that report nothing by themselves."""
    return
    yield Report("", "")
