"""The smtp adapter: sends a mail through an SMTP server to participants with an e-mail address."""

import re
import socket
import ssl
from collections.abc import AsyncIterator
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPConnectResponseError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from parlour.channels.adapter import (
    UNKNOWN_ERROR,
    AdapterContext,
    Attachment,
    BadChannel,
    NotSent,
    Outgoing,
    Report,
    Sent,
    no_reports,
)
from parlour.wire.media_types import ANY_TYPE, NotAMediaType, read_media_type

DEFAULT_SUBJECT = "New message"
MAX_SUBJECT_CHARACTERS = 256
# The attachments of a mail are in memory while it is sent.
MAX_ATTACHED_BYTES = 20 * 1_048_576
# For one step with the mail server; less than an adapter has for all of them.
TIMEOUT_SECONDS = 8.0

NO_SENDER = 21603
TOO_LARGE = 30019
UNKNOWN_RECIPIENT = 30005
FILTERED = 30007
# Replies from 500 on are final (RFC 5321 §4.2.1). These concern the recipient or the message.
PERMANENT = 500
ERROR_CODES = {
    550: UNKNOWN_RECIPIENT,
    551: UNKNOWN_RECIPIENT,
    552: TOO_LARGE,
    553: UNKNOWN_RECIPIENT,
    554: FILTERED,
}
# The first class that fits an error gives the reason that callers see.
REASONS: dict[type[Exception], str] = {
    ssl.SSLCertVerificationError: "the mail server's certificate is not trusted",
    ssl.SSLError: "TLS with the mail server failed",
    SMTPTimeoutError: f"the mail server did not answer within {TIMEOUT_SECONDS:g} s",
    SMTPConnectError: "the mail server cannot be reached",
    SMTPServerDisconnected: "the mail server closed the connection",
}
OTHER_REASON = "the mail could not be sent"
# Content of these types consists of parts, and cannot be attached as bytes.
COMPOSITE = frozenset({"multipart", "message"})


class Smtp:
    """Opens a connection for each message. What the server accepts is `sent`, and no report follows."""

    def __init__(self, context: AdapterContext) -> None:
        self._options = read_server(context.settings["smtp_url"])
        self._read_media = context.read_media

    async def send(self, outgoing: Outgoing) -> Sent:
        if outgoing.sender is None:
            raise NotSent("no address to send from is known", again=False, error_code=NO_SENDER)
        message = await self._compose(outgoing, outgoing.sender)
        try:
            await aiosmtplib.send(message, sender=outgoing.sender, recipients=[outgoing.to], **self._options)
        except (SMTPAuthenticationError, SMTPConnectResponseError, SMTPHeloError) as error:
            # The server refused us, not the message.
            raise NotSent(f"the mail server answered {error.code}", again=True) from None
        except SMTPRecipientsRefused as error:
            raise refusal(error.recipients[0].code) from None
        except SMTPResponseException as error:
            raise refusal(error.code) from None
        except (SMTPNotSupported, UnicodeError):
            # Mostly an address that is not ASCII.
            reason = "the mail server does not support what this mail needs"
            raise NotSent(reason, again=False, error_code=UNKNOWN_RECIPIENT) from None
        except (SMTPException, OSError) as error:
            raise NotSent(reason_of(error), again=True) from None
        return Sent([outgoing.report("sent", channel_message_sid=f"EM{outgoing.sid[2:]}")])

    async def _compose(self, outgoing: Outgoing, sender: str) -> EmailMessage:
        if sum(each.size for each in outgoing.media) > MAX_ATTACHED_BYTES:
            raise NotSent("the attachments are too large", again=False, error_code=TOO_LARGE)
        try:
            message = compose(outgoing, sender)
        except (HeaderParseError, ValueError, IndexError):
            raise NotSent(
                "the address cannot be written", again=False, error_code=UNKNOWN_RECIPIENT
            ) from None
        for each in outgoing.media:
            attach(message, each, await self._read_media(each))
        return message

    def reports(self) -> AsyncIterator[Report]:
        return no_reports()

    async def close(self) -> None: ...


def compose(outgoing: Outgoing, sender: str) -> EmailMessage:
    """Return a mail of the conversation's thread, with a Message-ID that is the same in every attempt."""
    domain = sender.rpartition("@")[2]
    thread = f"<{outgoing.conversation_sid}@{domain}>"
    message = EmailMessage()
    message["From"] = Address(on_one_line(outgoing.sender_name or ""), addr_spec=sender)
    message["To"] = Address(addr_spec=outgoing.to)
    message["Subject"] = on_one_line(outgoing.subject or "")[:MAX_SUBJECT_CHARACTERS] or DEFAULT_SUBJECT
    message["Message-ID"] = f"<{outgoing.sid}@{domain}>"
    message["In-Reply-To"] = message["References"] = thread
    message.set_content(outgoing.body)
    return message


def attach(message: EmailMessage, each: Attachment, content: bytes) -> None:
    """Attach a file; one whose media type is not valid or composite is attached as plain bytes."""
    try:
        kind, _, subkind = read_media_type(each.content_type).essence.partition("/")
    except NotAMediaType:
        kind, subkind = ANY_TYPE.split("/")
    if kind in COMPOSITE:
        kind, subkind = ANY_TYPE.split("/")
    name = on_one_line(each.filename or each.sid)
    message.add_attachment(content, maintype=kind, subtype=subkind, filename=name)


def on_one_line(text: str) -> str:
    """Replace line breaks and control characters by blanks, so that a text cannot begin another header."""
    return re.sub(r"[\x00-\x1f\x7f\u2028\u2029\x85\s]+", " ", text).strip()


def reason_of(error: Exception) -> str:
    return next((reason for kind, reason in REASONS.items() if isinstance(error, kind)), OTHER_REASON)


def refusal(code: int) -> NotSent:
    """Return the failure for a reply of 4xx or 5xx. The reply's text is left out: it may hold addresses."""
    again = code < PERMANENT
    return NotSent(
        f"the mail server answered {code}",
        again=again,
        error_code=ERROR_CODES.get(code, UNKNOWN_ERROR),
        status_code=code,
    )


def read_server(url: str | None) -> dict[str, Any]:
    """Return aiosmtplib's options for `smtp://user:password@host:587?starttls=required`, or `smtps://…`.

    Raises BadChannel.
    """
    try:
        parts = urlsplit(url or "")
        port = parts.port
    except ValueError:
        raise BadChannel("PARLOUR_SMTP_URL is no URL") from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise BadChannel(
            "a channel with the adapter smtp needs PARLOUR_SMTP_URL, smtp://host:port or smtps://…"
        )
    starttls = parse_qs(parts.query).get("starttls", ["auto"])[-1]
    if starttls not in {"auto", "required", "never"}:
        raise BadChannel("starttls in PARLOUR_SMTP_URL must be auto, required or never")
    secure = parts.scheme == "smtps"
    return {
        "hostname": parts.hostname,
        "port": port or (465 if secure else 25),
        "use_tls": secure,
        "start_tls": None if secure or starttls == "auto" else starttls == "required",
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "tls_context": ssl.create_default_context(),
        "local_hostname": socket.gethostname(),
        "timeout": TIMEOUT_SECONDS,
    }
