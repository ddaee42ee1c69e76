"""Shared by all commands: settings as options, errors as one line, work in a database."""

import contextlib
import dataclasses
import functools
import os
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from parlour import bootstrap
from parlour.channels.adapter import BadChannel
from parlour.config import BadSetting, Config, environment_name, option_name, read_secrets
from parlour.control.client import Refused
from parlour.errors import ApiError
from parlour.resources import accounts
from parlour.resources.accounts import Account
from parlour.store import Database, Transaction
from parlour.store.blobs import BadPlace
from parlour.store.credentials import VaultError
from parlour.store.migrate import DatabaseTooNew
from parlour.store.storage_errors import BackupRefused, Damaged, Unavailable
from parlour.store.transfer import BadLine
from parlour.testing.process import NotStarted
from parlour.wire.texts import BadText, ensure_text

# Settings and arguments that name files: their names may be any bytes.
PLACES = {"database", "media", "file"}

T = TypeVar("T")
Command = Callable[..., None]

# Errors that a user can correct: their text is printed, without a traceback.
EXPECTED = (
    BackupRefused,
    BadLine,
    ApiError,
    BadChannel,
    BadPlace,
    Damaged,
    DatabaseTooNew,
    VaultError,
    BadSetting,
    NotStarted,
    Refused,
)


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


def settings(*names: str) -> Callable[[Command], Command]:
    """Decorate a command with an option for each named setting, or for all; it is called with a Config."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_config(**values: Any) -> None:
            chosen: dict[str, Any] = {name: values.pop(name) for name in list(values) if name in known}
            chosen |= read_secrets(os.environ)
            ensure_texts(chosen | values)
            config = Config(**chosen)
            with errors_as_lines():
                config.check(chosen)
                command(config=config, **values)

        hints = typing.get_type_hints(Config)
        known = {f.name: f for f in dataclasses.fields(Config) if f.metadata["option"]}
        for name in reversed(names or tuple(known)):
            with_config = click.option(
                option_name(name),
                name,
                default=known[name].default,
                type=option_type(hints[name]),
                is_flag=hints[name] is bool,
                envvar=environment_name(name),
                show_default=known[name].default not in {None, False},
                show_envvar=True,
                help=known[name].metadata["meaning"],
            )(with_config)
        return with_config

    return decorate


def ensure_texts(given: Mapping[str, Any]) -> None:
    """Raise ClickException for a setting or an argument that is not UTF-8, unless it names a file."""
    for name, value in given.items():
        if isinstance(value, str) and name not in PLACES:
            try:
                ensure_text(value)
            except BadText:
                raise click.ClickException(f"{name.replace('_', ' ')}: it is not UTF-8") from None


@contextlib.contextmanager
def errors_as_lines() -> Iterator[None]:
    """Print an error that a user can correct as one line, and no traceback; exit status 1."""
    try:
        yield
    except EXPECTED as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        raise click.ClickException(f"{where}{error.strerror or error}") from None
    except Unavailable as error:
        raise click.ClickException(f"the database cannot be used: {error}") from None


def in_database(config: Config, work: Callable[[Transaction], T]) -> T:
    """Run `work` in a transaction and return its result. Raises BadSetting if there is no database."""
    return Database(bootstrap.find_engine(config)).run(work)


def find_account(tx: Transaction, sid: str) -> Account:
    """Return the account, or raise ClickException."""
    account = accounts.find_account(tx, sid)
    if account is None:
        raise click.ClickException(f"there is no account {sid}")
    return account
