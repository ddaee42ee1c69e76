"""Answers to reads that are kept until what they are part of has changed."""

from collections import OrderedDict
from typing import NamedTuple

MAX_KEPT_BYTES = 8 * 1_048_576
# What the key and the objects of one answer take, about.
BYTES_AROUND_A_BODY = 650


class Answer(NamedTuple):
    """The bytes of an answer, and the resource and version that they show."""

    sid: str
    version: int
    body: bytes


Asked = tuple[str, str, str]


class Answers:
    """The answers used most lately, up to a number of bytes.

    Never stale: every use compares the version, which is read from the storage each time and which
    every write to a conversation or its children raises, in whatever process.
    """

    def __init__(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Asked, Answer] = OrderedDict()

    def find(self, asked: Asked, sid: str, version: int) -> bytes | None:
        kept = self._kept.get(asked)
        if kept is None or kept.version != version or kept.sid != sid:
            return None
        self._kept.move_to_end(asked)
        return kept.body

    def keep(self, asked: Asked, answer: Answer) -> None:
        replaced = self._kept.pop(asked, None)
        self._bytes += size_of(answer) - (0 if replaced is None else size_of(replaced))
        self._kept[asked] = answer
        while self._bytes > self._max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= size_of(dropped)


def size_of(answer: Answer) -> int:
    return len(answer.body) + BYTES_AROUND_A_BODY
