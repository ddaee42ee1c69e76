"""Turns for uploads: how many go on at once, and whose bytes are taken next."""

import asyncio
import contextlib
import os
from collections import Counter, deque
from collections.abc import AsyncIterator

from parlour import errors

# Memory for all uploads of a process; how much one holds depends on where media are kept.
MAX_HELD_BYTES = 240 * 1_048_576
# Blocks that are hashed and written at once: half of the processors are left to other requests. The event
# loop copies what comes in, some 2 ms for each MB, so this also bounds how much of it uploads take.
BLOCKS_AT_ONCE = max(1, min(4, (os.cpu_count() or 1) // 2))
# How long an upload waits for others to end before it is refused, and how many of an account may wait.
WAIT_SECONDS = 30.0
MAX_WAITING = 100


class Turns:
    """At most `at_once` holders at a time, at most `of_one` of them of one account.

    Whose turn it is next goes around among the accounts that wait; within an account the first comes first.
    """

    def __init__(self, at_once: int, of_one: int, max_waiting: int | None = None) -> None:
        self._free, self._of_one, self._max_waiting = at_once, of_one, max_waiting
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def turn(self, account_sid: str) -> AsyncIterator[None]:
        """Holds one for the time of the block; 429/20429 when too many wait."""
        await self._take(account_sid)
        try:
            yield
        finally:
            self._give_back(account_sid)

    async def _take(self, account_sid: str) -> None:
        waiting = self._waiting.setdefault(account_sid, deque())
        if self._max_waiting is not None and len(waiting) >= self._max_waiting:
            raise errors.TOO_MANY_REQUESTS()
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(mine)
        self._serve()
        try:
            await mine
        except asyncio.CancelledError:
            # Cancelled, it is passed over; but it may have been given in the same moment.
            if not mine.cancelled():
                self._give_back(account_sid)
            raise

    def _give_back(self, account_sid: str) -> None:
        self._free += 1
        self._held[account_sid] -= 1
        if not self._held[account_sid]:
            del self._held[account_sid]
        self._serve()

    def _serve(self) -> None:
        while self._free and (account_sid := self._next()) is not None:
            waiting = self._waiting.pop(account_sid)
            first = waiting.popleft()
            if waiting:
                # Behind the other accounts.
                self._waiting[account_sid] = waiting
            if not first.cancelled():
                first.set_result(None)
                self._free -= 1
                self._held[account_sid] += 1

    def _next(self) -> str | None:
        may = (each for each in self._waiting if self._held[each] < self._of_one)
        return next(may, None)


class UploadTurns:
    """Two kinds of turns: a place for the whole upload, and one for each of its blocks.

    A place bounds memory. A block's turn is held only while the block is hashed and written, never while
    the client is waited for, so a slow client holds up nobody. An account gets at most half of the places.
    """

    def __init__(self, held_by_one: int) -> None:
        """`held_by_one`: the bytes that one upload holds in memory."""
        places = max(2, MAX_HELD_BYTES // held_by_one)
        self._places = Turns(places, places // 2, MAX_WAITING)
        self._blocks = Turns(BLOCKS_AT_ONCE, BLOCKS_AT_ONCE)

    @contextlib.asynccontextmanager
    async def place(self, account_sid: str) -> AsyncIterator[None]:
        """A place for an upload, for the time of the block; 429/20429 if none is free within WAIT_SECONDS."""
        async with contextlib.AsyncExitStack() as held:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await held.enter_async_context(self._places.turn(account_sid))
            except TimeoutError:
                raise errors.TOO_MANY_REQUESTS() from None
            yield

    def block(self, account_sid: str) -> contextlib.AbstractAsyncContextManager[None]:
        return self._blocks.turn(account_sid)
