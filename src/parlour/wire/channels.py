"""The channels other than chat: the form of an address names its channel (contract: rest-of-api.md §8)."""

import re

from parlour.wire.urls import is_host_name

PREFIXES = ("whatsapp", "messenger", "rcs")
CHANNELS = ("sms", *PREFIXES, "email")
# The channels that report when a message is read (contract: additions.md A.20).
CHANNELS_THAT_REPORT_READING = frozenset(PREFIXES)

PHONE_NUMBER = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
SHORT_CODE = re.compile(r"\d{3,8}", re.ASCII)
# A name that a channel assigns: to a page's visitor, to a brand. It has no comma and no blank, which separate
# addresses.
NAME = re.compile(r"[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff,<>]+")
# The part before the @ (RFC 5322 dot-atom, RFC 6531), without quotes.
WORD = r"""[^\s\x00-\x1f\x7f-\x9f\ud800-\udfff"(),.:;<>@\[\\\]]+"""
LOCAL_PART = re.compile(rf"{WORD}(\.{WORD})*")


def channel_of(address: str) -> str:
    prefix, colon, _ = address.partition(":")
    if colon and prefix in PREFIXES:
        return prefix
    return "email" if "@" in address else "sms"


def is_address(address: str) -> bool:
    """Whether a text is a valid address of its channel. Parameters that are addresses are checked here."""
    channel = channel_of(address)
    if channel == "email":
        return is_e_mail_address(address)
    if channel == "sms":
        return is_phone_number(address) or SHORT_CODE.fullmatch(address) is not None
    name = address.removeprefix(f"{channel}:")
    if channel == "whatsapp":
        return is_phone_number(name)
    if channel == "rcs" and (name.startswith("+") or name.isdecimal()):
        return is_phone_number(name)
    return NAME.fullmatch(name) is not None


def is_phone_number(text: str) -> bool:
    """Whether a text is a phone number in E.164 form, with the plus."""
    return PHONE_NUMBER.fullmatch(text) is not None


def is_e_mail_address(text: str) -> bool:
    """Whether a text is an address like `bob@example.org`, without a name, brackets or a prefix."""
    local_part, _, domain = text.rpartition("@")
    return (
        LOCAL_PART.fullmatch(local_part) is not None
        and "." in domain
        and not domain.endswith(".")
        and is_host_name(domain)
    )
