"""Chooses and makes the adapter of each channel, by the setting and the installed entry points."""

from collections.abc import Mapping

from parlour.channels.adapter import Adapter, AdapterContext, AdapterFactory, BadChannel
from parlour.channels.simulated import Simulated
from parlour.wire.channels import CHANNELS

ENTRY_POINTS = "parlour.channels"
DEFAULT = "simulated"


def chosen(text: str) -> dict[str, str]:
    """Return the adapter's name by channel, from `sms=http email=smtp`. Raises BadChannel."""
    names = dict.fromkeys(CHANNELS, DEFAULT)
    for word in text.split():
        channel, equals, name = word.partition("=")
        if channel not in names or not equals or not name:
            raise BadChannel(
                f"{word!r} is not a channel and its adapter: one of {', '.join(CHANNELS)}, =, a name"
            )
        names[channel] = name
    return names


def open_adapters(text: str, context: AdapterContext) -> Mapping[str, Adapter]:
    """Make and return the adapters by channel; channels with the same name share one. Raises BadChannel."""
    names = chosen(text)
    made = {name: factory_of(name)(context) for name in set(names.values())}
    return {channel: made[name] for channel, name in names.items()}


def factory_of(name: str) -> AdapterFactory:
    """Load the entry point of this name. Raises BadChannel if no package has one."""
    if name == DEFAULT:
        # Most servers need no other, and to look through the installed packages takes time.
        return Simulated
    from importlib.metadata import entry_points  # noqa: PLC0415 - large; only needed with another adapter

    found = list(entry_points(group=ENTRY_POINTS, name=name))
    if not found:
        known = ", ".join(sorted(entry_points(group=ENTRY_POINTS).names))
        raise BadChannel(f"there is no channel adapter {name!r}, only {known}")
    factory: AdapterFactory = found[0].load()
    return factory
