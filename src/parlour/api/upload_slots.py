"""Limits how many uploads run at once, and shares their processor time fairly between accounts."""

import asyncio
import contextlib
import os
from collections import Counter, deque
from collections.abc import AsyncIterator

from parlour import errors

# Memory for all uploads of a process. How much one upload uses depends on the media store.
MAX_HELD_BYTES = 240 * 1_048_576
# Blocks that are hashed and written at once: half of the processors stay free for other requests. The event
# loop takes some 2 ms to receive a MB, so this also bounds the time that uploads take from it.
BLOCKS_AT_ONCE = max(1, min(4, (os.cpu_count() or 1) // 2))
# How long an upload waits for a slot before it is refused, and how many of one account may wait.
WAIT_SECONDS = 30.0
MAX_WAITING = 100


class FairSemaphore:
    """A semaphore with `at_once` slots, of which one account gets at most `per_account`.

    Free slots go to the waiting accounts in turn; within an account, the first waiter comes first.
    """

    def __init__(self, at_once: int, per_account: int, max_waiting: int | None = None) -> None:
        self._free, self._per_account, self._max_waiting = at_once, per_account, max_waiting
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def slot(self, account_sid: str) -> AsyncIterator[None]:
        """Hold a slot during the block. Raises 429/20429 if too many of the account wait already."""
        await self._acquire(account_sid)
        try:
            yield
        finally:
            self._release(account_sid)

    async def _acquire(self, account_sid: str) -> None:
        waiting = self._waiting.setdefault(account_sid, deque())
        if self._max_waiting is not None and len(waiting) >= self._max_waiting:
            raise errors.TOO_MANY_REQUESTS()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        self._wake_next()
        try:
            await turn
        except asyncio.CancelledError:
            # A cancelled waiter gets no slot; but this one may have got its slot just before.
            if not turn.cancelled():
                self._release(account_sid)
            raise

    def _release(self, account_sid: str) -> None:
        self._free += 1
        self._held[account_sid] -= 1
        if not self._held[account_sid]:
            del self._held[account_sid]
        self._wake_next()

    def _wake_next(self) -> None:
        while self._free and (account_sid := self._next_account()) is not None:
            waiting = self._waiting.pop(account_sid)
            first = waiting.popleft()
            if waiting:
                # The account goes to the end of the queue.
                self._waiting[account_sid] = waiting
            if not first.cancelled():
                first.set_result(None)
                self._free -= 1
                self._held[account_sid] += 1

    def _next_account(self) -> str | None:
        eligible = (each for each in self._waiting if self._held[each] < self._per_account)
        return next(eligible, None)


class UploadSlots:
    """Two kinds of slots: one for a whole upload, and one for each of its blocks.

    Upload slots bound memory; an account gets at most half of them. A block slot is held only while the block
    is hashed and written, never while bytes are awaited, so a slow client delays nobody.
    """

    def __init__(self, bytes_per_upload: int) -> None:
        """`bytes_per_upload` is the memory that one upload uses."""
        uploads = max(2, MAX_HELD_BYTES // bytes_per_upload)
        self._uploads = FairSemaphore(uploads, uploads // 2, MAX_WAITING)
        self._blocks = FairSemaphore(BLOCKS_AT_ONCE, BLOCKS_AT_ONCE)

    @contextlib.asynccontextmanager
    async def upload_slot(self, account_sid: str) -> AsyncIterator[None]:
        """Hold a slot for an upload during the block. Raises 429/20429 if none is free in WAIT_SECONDS."""
        async with contextlib.AsyncExitStack() as held:
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    await held.enter_async_context(self._uploads.slot(account_sid))
            except TimeoutError:
                raise errors.TOO_MANY_REQUESTS() from None
            yield

    def block_slot(self, account_sid: str) -> contextlib.AbstractAsyncContextManager[None]:
        return self._blocks.slot(account_sid)
