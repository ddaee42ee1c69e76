"""Errors of the storage: it is unavailable or damaged, or refuses a backup."""


class BackupRefused(Exception):
    """The storage cannot be backed up by Parlour."""


class StorageFault(Exception):
    """An error of the storage, with names of constraints and columns, but without values."""


class Unavailable(Exception):
    """The storage does not answer or takes no writes; `damaged` if its content cannot be read any more."""

    def __init__(self, cause: str, *, damaged: bool = False) -> None:
        super().__init__(cause)
        self.damaged = damaged


class Damaged(Exception):
    """The database is damaged, and a server must not be started with it."""
