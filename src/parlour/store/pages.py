"""Pages of a list, read from a key on, forwards or backwards."""

from collections.abc import Callable, Sequence
from typing import Any

from parlour import errors
from parlour.store import statements
from parlour.store.statements import Condition
from parlour.wire.paging import Key, Page, PageRequest, Token
from parlour.wire.resource import Resource

Select = Callable[..., list[tuple[Any, ...]]]


class PageReader:
    """Reads rows of one list, forwards or backwards from a key."""

    def __init__(
        self,
        select: Select,
        kind: type[Resource],
        where: tuple[Condition, ...],
        by: tuple[str, ...],
        descending: bool,
    ) -> None:
        self._select, self._kind, self._by, self._descending = select, kind, by, descending
        self._conditions = tuple((column, operator) for column, operator, _ in where)
        self._values = tuple(value for _, _, value in where)

    def read_page(self, asked: PageRequest) -> Page[Any]:
        """Return the requested page. Raises 400/20001 for a token of another list."""
        token, limit = asked.token, asked.size + 1
        if token is None:
            rows = self.read(None, limit)
            return Page(rows[: asked.size], None, self.token_past(rows, asked.size))
        if not fits(token, self._by):
            raise errors.INVALID_PARAMETER(name="PageToken", reason="is not one of this list's tokens")
        rows = self.read(token, limit)
        beyond = Token(token.key, before=not token.before)
        exists = bool(self.read(beyond, 1))
        if token.before:
            previous = Token(self.key(rows[asked.size - 1]), before=True) if len(rows) == limit else None
            return Page(rows[: asked.size][::-1], previous, beyond if exists else None)
        return Page(rows[: asked.size], beyond if exists else None, self.token_past(rows, asked.size))

    def read(self, token: Token | None, limit: int) -> list[Any]:
        before = token is not None and token.before
        descending = self._descending != before
        sql = statements.select_page(
            self._kind,
            self._conditions,
            self._by,
            from_key_operator(descending, before) if token else "",
            descending,
            self._kind.__struct_fields__,
        )
        rows = self._select(sql, *self._values, *(token.key if token else ()), limit)
        return [self._kind(*row) for row in rows]

    def key(self, row: Resource) -> Key:
        return tuple(getattr(row, column) for column in self._by)

    def token_past(self, rows: Sequence[Resource], size: int) -> Token | None:
        """Return the next page's token if more rows were read than the page holds."""
        return Token(self.key(rows[size])) if len(rows) > size else None


def from_key_operator(descending: bool, before: bool) -> str:
    return ("<" if descending else ">") + ("" if before else "=")


def fits(token: Token, by: tuple[str, ...]) -> bool:
    return len(token.key) == len(by)
