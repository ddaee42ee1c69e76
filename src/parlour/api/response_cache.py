"""A cache of answers to reads, each valid until the version of its conversation changes."""

from typing import NamedTuple

from cachetools import LRUCache

MAX_CACHED_BYTES = 8 * 1_048_576
# The approximate size of the key and the objects of one answer.
BYTES_AROUND_A_BODY = 650


class CachedAnswer(NamedTuple):
    """The bytes of an answer, and the SID and version of the conversation that they show."""

    sid: str
    version: int
    body: bytes


# The account, the URL and the query.
CacheKey = tuple[str, str, str]


class ResponseCache:
    """The answers that were used last, up to a number of bytes.

    Answers are never stale: every use compares the version, which is read from the storage each time, and
    which every write to a conversation or its children increases, in every process.
    """

    def __init__(self, max_bytes: int = MAX_CACHED_BYTES) -> None:
        self._cached: LRUCache[CacheKey, CachedAnswer] = LRUCache(max_bytes, getsizeof=size_of)

    def find(self, key: CacheKey, sid: str, version: int) -> bytes | None:
        try:
            # Faster than `get`, which looks twice.
            cached = self._cached[key]
        except KeyError:
            return None
        if cached.version != version or cached.sid != sid:
            return None
        return cached.body

    def store(self, key: CacheKey, answer: CachedAnswer) -> None:
        if size_of(answer) <= self._cached.maxsize:
            self._cached[key] = answer


def size_of(answer: CachedAnswer) -> int:
    return len(answer.body) + BYTES_AROUND_A_BODY
