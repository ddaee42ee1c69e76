"""The simulated adapter: sends nothing, and reports on a schedule what a real channel would."""

import re
from collections.abc import AsyncIterator

from parlour.channels.adapter import AdapterContext, BadChannel, Outgoing, Report, Sent, Status, no_reports
from parlour.wire.channels import CHANNELS_THAT_REPORT_READING

MAX_DELAY_SECONDS = 24 * 60 * 60
PROGRESS: tuple[Status, ...] = ("sent", "delivered", "read")
# Carriers of text messages and mail do not know whether a message was read.
PROGRESS_WITHOUT_READING = PROGRESS[:2]

# Channels whose carriers refuse a longer body (contract: messages.md §1.3), in Unicode code points.
MAX_BODY_CHARACTERS = 1_600
BOUNDED_CHANNELS = frozenset({"sms", "whatsapp"})
BODY_TOO_LONG = 21617

# The statuses of messages to addresses that end in these digits, in the order of the schedule, and the error.
# Digits that stand for an error are 9 and the last three digits of its code.
MAGIC_NUMBERS: dict[str, tuple[tuple[Status, ...], int | None]] = {
    "9211": (("failed",), 21211),
    "9610": (("failed",), 21610),
    "9614": (("failed",), 21614),
    "9003": (("sent", "undelivered"), 30003),
    "9004": (("sent", "undelivered"), 30004),
    "9005": (("sent", "undelivered"), 30005),
    "9006": (("sent", "undelivered"), 30006),
    "9007": (("sent", "undelivered"), 30007),
    "9008": (("sent", "undelivered"), 30008),
    "9000": ((), None),
    "9001": (("sent",), None),
    "9002": (("sent", "delivered"), None),
}
LAST_DIGITS = re.compile(r"(\d{4})(?:@|$)", re.ASCII)


class Simulated:
    """Returns all reports from `send`, so that Parlour keeps them and they survive a restart.

    The schedule counts from when the message was posted, so that a controlled clock may jump over all of it.
    """

    def __init__(self, context: AdapterContext) -> None:
        self._delays = read_delays(context.settings["simulated_delays"])

    async def send(self, outgoing: Outgoing) -> Sent:
        statuses, error_code = outcome_of(outgoing)
        name = channel_message_sid(outgoing)
        return Sent(
            [
                outgoing.report(
                    status,
                    after=max(delay - outgoing.waited, 0.0),
                    error_code=None if status in PROGRESS else error_code,
                    channel_message_sid=name,
                )
                for status, delay in zip(statuses, self._delays, strict=False)
            ]
        )

    def reports(self) -> AsyncIterator[Report]:
        return no_reports()

    async def close(self) -> None: ...


def outcome_of(outgoing: Outgoing) -> tuple[tuple[Status, ...], int | None]:
    """Return the statuses that follow each other, and the code of the error that the last one has, if any."""
    if outgoing.channel in BOUNDED_CHANNELS and len(outgoing.body) > MAX_BODY_CHARACTERS:
        return ("failed",), BODY_TOO_LONG
    digits = LAST_DIGITS.search(outgoing.to)
    is_read = outgoing.channel in CHANNELS_THAT_REPORT_READING
    usual = PROGRESS if is_read else PROGRESS_WITHOUT_READING
    return MAGIC_NUMBERS.get(digits[1] if digits else "", (usual, None))


def channel_message_sid(outgoing: Outgoing) -> str:
    """Return MM for a message with media, SM for others, and the digits of the receipt's SID."""
    return ("MM" if outgoing.media else "SM") + outgoing.sid[2:]


def read_delays(text: str) -> tuple[float, ...]:
    """Return the seconds after which a message is sent, delivered and read. Raises BadChannel.

    Channels that do not report reading do not use the last one.
    """
    try:
        delays = tuple(map(float, text.split()))
    except ValueError as error:
        raise BadChannel(f"the simulated delays must be seconds: {error}") from None
    in_order = list(delays) == sorted(delays) and all(0 <= each <= MAX_DELAY_SECONDS for each in delays)
    if not in_order or len(delays) > len(PROGRESS):
        raise BadChannel(
            f"the simulated delays must be up to {len(PROGRESS)} numbers of seconds, none smaller than the"
            f" one before it, each at most {MAX_DELAY_SECONDS}"
        )
    return delays
