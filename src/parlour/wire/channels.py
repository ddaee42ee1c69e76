"""The channels beside chat, told apart by the form of an address (contract: rest-of-api.md §8)."""

import re

PREFIXES = ("whatsapp", "messenger", "rcs")
CHANNELS = ("sms", *PREFIXES, "email")

PHONE_NUMBER = re.compile(r"\+[1-9]\d{1,14}", re.ASCII)
SHORT_CODE = re.compile(r"\d{3,8}", re.ASCII)
E_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def channel_of(address: str) -> str:
    prefix, colon, _ = address.partition(":")
    if colon and prefix in PREFIXES:
        return prefix
    return "email" if "@" in address else "sms"


def is_address(address: str) -> bool:
    channel = channel_of(address)
    if channel == "email":
        return E_MAIL.fullmatch(address) is not None
    if channel == "sms":
        return PHONE_NUMBER.fullmatch(address) is not None or SHORT_CODE.fullmatch(address) is not None
    return len(address) > len(channel) + 1
