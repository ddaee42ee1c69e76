"""Errors of the storage: it is unavailable or damaged, or refuses a backup."""

from parlour.errors import UserError


class BackupRefused(UserError):
    """The storage cannot be backed up by Parlour."""


class StorageFault(Exception):
    """An error of the storage, with names of constraints and columns, but without values."""


class Unavailable(UserError):
    """The storage does not answer or takes no writes; `damaged` if its content cannot be read any more."""

    def __init__(self, cause: str, *, damaged: bool = False) -> None:
        super().__init__(cause)
        self.damaged = damaged

    def line(self) -> str:
        advice = "put a backup in its place" if self.damaged else "see that it runs and may be used"
        return (
            f"the database cannot be used: {self}. Check that --database or PARLOUR_DATABASE names it, and"
            f" {advice}"
        )


class Damaged(UserError):
    """The database is damaged, and a server must not be started with it."""
