"""Iteration over what blocks, without blocking an event loop."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(items: Iterable[T]) -> AsyncIterator[T]:
    """Yield the items, each fetched in a thread.

    obstore's own coroutines take twice as long for files, and may abort a program that ends just after one.
    """
    iterator = iter(items)
    while (item := await asyncio.to_thread(next, iterator, None)) is not None:
        yield item
