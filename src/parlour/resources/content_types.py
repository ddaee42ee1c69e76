"""The types that content can have, what each must hold, and how it becomes a message's text."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from parlour.wire.texts import convert, shortened

TEXT = "twilio/text"
# By which a type without a text of its own is told in one (docs/decisions/0035).
TEXTS = ("body", "title", "label", "address")

# So that what is rendered cannot be much larger than what was sent.
MAX_PLACES = 1_000
MAX_DEFAULT_CHARACTERS = 1_600

PLACEHOLDER = re.compile(r"\{\{\s*([\w.-]{1,64})\s*\}\}")

Short = Annotated[list[str], Meta(min_length=1, max_length=10)]
# A place in a template may stand for a number.
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
    """The types without those that are null; those that are not known here pass as they are."""
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

    filled(types, count)
    if found > MAX_PLACES:
        raise ValueError(f"must hold at most {MAX_PLACES} places for variables")


def check_variables(given: Any) -> dict[str, str]:
    variables = convert(given, dict[str, str])
    if any(len(value) > MAX_DEFAULT_CHARACTERS for value in variables.values()):
        raise ValueError(f"must be at most {MAX_DEFAULT_CHARACTERS} characters each")
    return variables


def render_types(types: Mapping[str, Any], values: Mapping[str, Value]) -> tuple[str, Any]:
    """The type that is sent in a chat, with the values put in: text if there is one, else the first."""
    name = TEXT if TEXT in types else next(iter(types))
    return name, filled(types[name], lambda place: shown(values.get(place, "")))


def text_of(data: Mapping[str, Any]) -> str | None:
    """What a message says that is made from a type with its values."""
    found = (data.get(name) for name in TEXTS)
    return next((text for text in found if isinstance(text, str)), None)


def filled(template: Any, value_of: Callable[[str], str]) -> Any:
    """`template` with its places filled in every string; a place without a value is left empty."""
    if isinstance(template, str):
        return PLACEHOLDER.sub(lambda place: value_of(place[1]), template)
    if isinstance(template, list):
        return [filled(each, value_of) for each in template]
    if isinstance(template, dict):
        return {name: filled(each, value_of) for name, each in template.items()}
    return template


def shown(value: Value) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
