"""Shared by all commands: settings as options, and errors as one line. It loads nothing of the server."""

import contextlib
import dataclasses
import functools
import os
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import click

from parlour.config import (
    Config,
    environment_name,
    option_name,
    read_secrets,
    unknown_variables,
)
from parlour.errors import ApiError, UserError
from parlour.wire.texts import BadText, ensure_text

# Settings and arguments that name files: their names may be any bytes.
PLACES = {"database", "media", "file", "tls_certificate", "tls_key"}

NO_MEANINGS: Mapping[str, str] = {}

Command = Callable[..., None]


def option_type(annotation: Any) -> Any:
    """Return the click type for the type of a setting."""
    if typing.get_origin(annotation) is Literal:
        return click.Choice(typing.get_args(annotation))
    if annotation is Path:
        return click.Path(dir_okay=False, path_type=Path)
    if Path in typing.get_args(annotation):
        return click.Path(file_okay=False, path_type=Path)
    if annotation is bool:
        return bool
    return int if annotation is int else str


def joined(_: click.Context, __: click.Parameter, words: Iterable[str]) -> str:
    """Return the value of a repeatable setting: its words with blanks between them."""
    return " ".join(words)


def settings(
    *names: str, meanings: Mapping[str, str] = NO_MEANINGS, starts_server: bool = False
) -> Callable[[Command], Command]:
    """Decorate a command with an option for each named setting, or for all; it is called with a Config.

    `meanings` replaces the help of some settings, for a command that uses a server and is none. A command
    that `starts_server` leaves the warning of unknown variables to the server.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(**values: Any) -> None:
            chosen: dict[str, Any] = {name: values.pop(name) for name in list(values) if name in known}
            chosen |= read_secrets(os.environ)
            ensure_texts(chosen | values)
            config = Config(**chosen)
            if not starts_server:
                log_warnings_only()
                warn_of_unknown_variables()
            with errors_as_lines():
                config.check(chosen)
                command(config=config, **values)

        known = {f.name: f for f in dataclasses.fields(Config) if f.metadata["option"]}
        with_config: Command = run
        for name in reversed(names or tuple(known)):
            with_config = option_of(known[name], meanings.get(name))(with_config)
        return with_config

    return decorate


def option_of(setting: Any, meaning: str | None) -> Callable[[Command], Command]:
    hint = typing.get_type_hints(Config)[setting.name]
    is_repeatable = "repeatable" in setting.metadata
    return click.option(
        option_name(setting.name),
        setting.name,
        default=None if is_repeatable else setting.default,
        multiple=is_repeatable,
        callback=joined if is_repeatable else None,
        type=option_type(hint),
        is_flag=hint is bool,
        envvar=environment_name(setting.name),
        show_default=setting.default not in {None, False},
        show_envvar=True,
        help=meaning or setting.metadata["meaning"],
    )


def log_warnings_only() -> None:
    """Configure the log of a command that has no settings for it, unless the program has done so."""
    import structlog  # noqa: PLC0415 - large; `parlour run` needs none

    from parlour.logs import configure_logs  # noqa: PLC0415 - the same

    if not structlog.is_configured():
        configure_logs("warning", "console")


def ensure_texts(given: Mapping[str, Any]) -> None:
    """Raise ClickException for a setting or an argument that is not UTF-8, unless it names a file."""
    for name, value in given.items():
        if isinstance(value, str) and name not in PLACES:
            try:
                ensure_text(value)
            except BadText:
                raise click.ClickException(f"{name.replace('_', ' ')}: it is not UTF-8") from None


def warn_of_unknown_variables() -> None:
    for name, nearest in unknown_variables(os.environ):
        advice = "" if nearest is None else f" Did you mean {nearest}?"
        click.echo(f"Warning: {name} is not a setting and has no effect.{advice}", err=True)


@contextlib.contextmanager
def errors_as_lines() -> Iterator[None]:
    """Print an error that a user can correct as one line, and no traceback; exit status 1."""
    try:
        yield
    except UserError as error:
        raise click.ClickException(error.line()) from None
    except ApiError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        raise click.ClickException(f"{where}{error.strerror or error}") from None
