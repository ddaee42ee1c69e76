"""Answers to reads that are kept until what they are part of has changed."""

from collections import OrderedDict
from typing import NamedTuple

MAX_KEPT_BYTES = 8 * 1_048_576

Asked = tuple[str, str, str]


class Answer(NamedTuple):
    """The bytes of an answer, and the resource and version that they show.

    `commits` is the storage's number of commits at which that was last seen to be so.
    """

    sid: str
    version: int
    commits: int | None
    body: bytes


class Answers:
    """The answers used most lately, up to a number of bytes.

    Never stale: a use is preceded by a look at the storage. Nothing was committed since, or else the
    version still stands, which every write to a conversation or its children raises, whoever writes.
    """

    def __init__(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Asked, Answer] = OrderedDict()

    def find(self, asked: Asked) -> Answer | None:
        kept = self._kept.get(asked)
        if kept is not None:
            self._kept.move_to_end(asked)
        return kept

    def confirm(self, asked: Asked, kept: Answer, commits: int | None) -> None:
        self._kept[asked] = kept._replace(commits=commits)

    def keep(self, asked: Asked, answer: Answer) -> None:
        replaced = self._kept.pop(asked, None)
        self._bytes += len(answer.body) - (0 if replaced is None else len(replaced.body))
        self._kept[asked] = answer
        while self._bytes > self._max_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= len(dropped.body)
