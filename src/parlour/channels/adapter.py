"""The interface of a channel adapter: what is sent, what is reported, and what an adapter is given."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

# What a carrier says when it says no more: unknown error.
UNKNOWN_ERROR = 30008

# What of a report can be stored. `after` is in seconds.
MAX_CHANNEL_MESSAGE_SID_CHARACTERS = 64
MAX_ERROR_CODE = 10**15 - 1
MAX_METADATA_BYTES = 16_384
MAX_AFTER_SECONDS = 366 * 24 * 60 * 60.0

Status = Literal["sent", "delivered", "read", "undelivered", "failed"]


class Attachment(msgspec.Struct, frozen=True, rename="pascal"):
    """Media that go with a message; `size` is in bytes."""

    sid: str
    content_type: str
    size: int
    filename: str | None = None


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a message on its way to one recipient.

    Without a `status` it is news of something else; `error_code` goes with undelivered and failed. With
    `after` it is expected so many seconds after the beginning of the `send` that gave it, or from now on.
    `metadata` is what the channel tells of the message: its type and its data.
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

    `sid` is the receipt's, and stays the same however often the message is tried; `tries` counts the
    tries before this one, `waited` the seconds since the message was posted. `sender` is the address
    that it comes from, None where there is none.
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
    """A message was taken over: what is reported of it, now or later; and the status of an answer.

    `remark` is shown with the attempt: what of the answer was not understood.
    """

    reports: Sequence[Report]
    status_code: int | None = None
    remark: str | None = None


class NotSent(Exception):
    """A message was not taken over. With `again` it is tried once more later, if that is allowed."""

    def __init__(
        self, reason: str, *, again: bool, error_code: int = UNKNOWN_ERROR, status_code: int | None = None
    ) -> None:
        super().__init__(reason)
        self.again, self.error_code, self.status_code = again, error_code, status_code


class Adapter(Protocol):
    """Carries messages to recipients on a channel.

    It is made without network. `send` has ten seconds; it raises NotSent, and whatever else it raises
    counts as a failure that may pass. `reports` gives what the channel reports by itself, as it comes;
    it is asked for the next report when the one before is on the disk. It may end at once.
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


class BadChannel(Exception):
    """A channel cannot be carried as the settings say."""


async def no_reports() -> AsyncIterator[Report]:
    """For adapters of channels that report nothing by themselves."""
    return
    yield Report("", "")
