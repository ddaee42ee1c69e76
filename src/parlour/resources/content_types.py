"""The types of content: what each must hold, and how it is rendered as a message's text."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from parlour.wire.texts import convert, shortened

TEXT = "twilio/text"
# The first of these members is the message's text (docs/decisions/0035).
TEXTS = ("body", "title", "label", "address")

# Limits, so that rendered content is not much larger than the content and the values that were sent.
MAX_PLACES = 1_000
MAX_DEFAULT_CHARACTERS = 1_600

PLACEHOLDER = re.compile(r"\{\{\s*([\w.-]{1,64})\s*\}\}")

Short = Annotated[list[str], Meta(min_length=1, max_length=10)]
# A number in a template may be written as a placeholder.
Number = float | str
Value = str | int | float | bool | None


class TwilioText(Struct):
    body: str


class TwilioMedia(Struct):
    media: Short
    body: str | None = None


class TwilioLocation(Struct):
    latitude: Number
    longitude: Number
    label: str | None = None
    id: str | None = None
    address: str | None = None


class QuickReplyAction(Struct):
    title: str
    type: Literal["QUICK_REPLY"] | None = None
    id: str | None = None


class TwilioQuickReply(Struct):
    body: str
    actions: Annotated[list[QuickReplyAction], Meta(min_length=1, max_length=10)]


class Action(Struct):
    type: str
    title: str
    url: str | None = None
    phone: str | None = None
    code: str | None = None
    id: str | None = None


class TwilioCallToAction(Struct):
    body: str
    actions: Annotated[list[Action], Meta(min_length=1, max_length=10)]


class ListItem(Struct):
    id: str
    item: str
    description: str | None = None


class TwilioListPicker(Struct):
    body: str
    button: str
    items: Annotated[list[ListItem], Meta(min_length=1, max_length=10)]


class TwilioCard(Struct):
    title: str
    subtitle: str | None = None
    media: list[str] | None = None
    actions: list[Action] | None = None


CHECKED: Mapping[str, type[Struct]] = {
    TEXT: TwilioText,
    "twilio/media": TwilioMedia,
    "twilio/location": TwilioLocation,
    "twilio/quick-reply": TwilioQuickReply,
    "twilio/call-to-action": TwilioCallToAction,
    "twilio/list-picker": TwilioListPicker,
    "twilio/card": TwilioCard,
}


def check_types(given: Any) -> dict[str, Any]:
    """Return the types without those that are null. Unknown types may hold any object. Raises ValueError."""
    types = {name: data for name, data in convert(given, dict[str, Any]).items() if data is not None}
    if not types:
        raise ValueError("must hold a type")
    for name, data in types.items():
        try:
            convert(data, CHECKED.get(name, dict[str, Any]))
        except ValueError as error:
            raise ValueError(f"{shortened(name)}: {error}") from None
    ensure_few_places(types)
    return types


def ensure_few_places(types: Mapping[str, Any]) -> None:
    found = 0

    def count(place: str) -> str:
        nonlocal found
        found += 1
        return place

    fill_placeholders(types, count)
    if found > MAX_PLACES:
        raise ValueError(f"must hold at most {MAX_PLACES} places for variables")


def check_variables(given: Any) -> dict[str, str]:
    variables = convert(given, dict[str, str])
    if any(len(value) > MAX_DEFAULT_CHARACTERS for value in variables.values()):
        raise ValueError(f"must be at most {MAX_DEFAULT_CHARACTERS} characters each")
    return variables


def render_types(types: Mapping[str, Any], values: Mapping[str, Value]) -> tuple[str, Any]:
    """Return the name and the filled data of the type that chats show: twilio/text, else the first type."""
    name = TEXT if TEXT in types else next(iter(types))
    return name, fill_placeholders(types[name], lambda place: to_text(values.get(place, "")))


def message_text(data: Mapping[str, Any]) -> str | None:
    """Return the text of a message that is made from the filled data of a type; None if it has none."""
    found = (data.get(name) for name in TEXTS)
    return next((text for text in found if isinstance(text, str)), None)


def fill_placeholders(template: Any, value_of: Callable[[str], str]) -> Any:
    """Return the template with `value_of(name)` in place of each placeholder, in every string."""
    if isinstance(template, str):
        return PLACEHOLDER.sub(lambda place: value_of(place[1]), template)
    if isinstance(template, list):
        return [fill_placeholders(each, value_of) for each in template]
    if isinstance(template, dict):
        return {name: fill_placeholders(each, value_of) for name, each in template.items()}
    return template


def to_text(value: Value) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
