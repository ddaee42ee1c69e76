"""Shared by commands that work in a database."""

from collections.abc import Callable
from typing import TypeVar

import click

from parlour import bootstrap
from parlour.config import Config
from parlour.resources import accounts
from parlour.resources.accounts import Account
from parlour.store import Database, Transaction

T = TypeVar("T")


def in_database(config: Config, work: Callable[[Transaction], T]) -> T:
    """Run `work` in a transaction and return its result. Raises BadSetting if there is no database."""
    return Database(bootstrap.find_engine(config)).run(work)


def find_account(tx: Transaction, sid: str) -> Account:
    """Return the account, or raise ClickException."""
    account = accounts.find_account(tx, sid)
    if account is None:
        raise click.ClickException(f"there is no account {sid}")
    return account
