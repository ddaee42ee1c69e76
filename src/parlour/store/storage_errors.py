"""Errors of the storage: it is away, damaged, or refuses a backup."""


class BackupRefused(Exception):
    """The storage is backed up by other means."""


class StorageFault(Exception):
    """An error of the storage, by its names only."""


class Unavailable(Exception):
    """The storage does not answer or takes no writes; `damaged` if its content cannot be read any more."""

    def __init__(self, cause: str, *, damaged: bool = False) -> None:
        super().__init__(cause)
        self.damaged = damaged


class Damaged(Exception):
    """The database is damaged, and a server must not be started with it."""
