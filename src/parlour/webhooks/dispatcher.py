"""The dispatcher: claims lanes and delivers what is in them, at least once each and in the order of a lane.

A lane goes through four steps: claim it, load its next deliveries, attempt them, settle their outcomes. The
last gives the next deliveries, until the lane is empty.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar

import structlog

from parlour.errors import ApiError
from parlour.store import Database, Transaction
from parlour.store.credentials import Vault, VaultError
from parlour.webhooks.delivery_queue import Batch, Outcome, PendingDelivery, load, load_or_close, settle
from parlour.webhooks.lanes import MAX_CLAIMED, START, ClaimedLane, LaneKey, claim, find_lanes, release
from parlour.webhooks.outbox import DELIVERED, FAILED, PENDING, Attempt

# How often the storage is searched for lanes that are ready.
POLL_SECONDS = 0.05
# The pause after the storage did not answer.
WAIT_SECONDS = 1.0
MAX_LANES = 512
# A key whose last delivery failed has one lane at a time, so that a slow target takes no room from others.
MAX_LANES_PER_THROTTLE_KEY = 16
# Deliveries that a crash may repeat. A larger number would be faster: requests wait for each write.
MAX_UNSETTLED = 20
MAX_UNSETTLED_MILLISECONDS = 250
# How often a worker that is to stop tries to settle what it has sent, if the storage does not answer.
LAST_TRIES = 3

T = TypeVar("T")

log = structlog.get_logger()


class Transport(Protocol):
    """Attempts single deliveries.

    `attempt` returns the outcome of one that begins now, at `at` (milliseconds since 1970). It raises
    ApiError if the storage did not answer and nothing was sent; anything else that it raises is a failed
    attempt.
    """

    async def attempt(self, delivery: PendingDelivery, auth_token: str, at: int) -> Outcome: ...
    async def close(self) -> None: ...


class Dispatcher:
    """Serves many lanes at once, each by a task of its own.

    `transports` are chosen by the scheme of a delivery's target URL, `channel:` for instance; `default` has
    all other URLs. `delays` are the times before repetitions, in seconds.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        default: Transport,
        transports: Mapping[str, Transport],
        *,
        delays: Iterable[float],
    ) -> None:
        self._database, self._vault = database, vault
        self._default, self._transports = default, transports
        self._delays = tuple(round(seconds * 1_000) for seconds in delays)
        self._tasks: dict[LaneKey, asyncio.Task[None]] = {}
        # By throttle key: the lanes that are served, and whether the last attempt is to be repeated.
        self._counts: Counter[str] = Counter()
        self._failing: set[str] = set()
        # Where the next search begins, and whether a lane that has ended makes room for another.
        self._position = START
        self._has_room = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; then finish the attempts that are under way, and settle them."""
        while not stop.is_set():
            self._has_room.clear()
            try:
                has_more = await self._claim_lanes(stop)
            except ApiError as error:
                log.warning("dispatcher_waits", error=str(error))
                await sleep_until(stop, WAIT_SECONDS)
            except Exception:
                log.exception("dispatcher_failed")
                await sleep_until(stop, WAIT_SECONDS)
            else:
                await sleep_until(self._has_room if has_more else stop, POLL_SECONDS)
        await asyncio.gather(*self._tasks.values())
        for transport in {self._default, *self._transports.values()}:
            await transport.close()

    async def _claim_lanes(self, stop: asyncio.Event) -> bool:
        """Claim lanes that are ready, and start to serve them. Returns whether more wait for room."""
        most = min(MAX_CLAIMED, self._database.engine.jobs_at_once)
        limit = min(MAX_LANES - len(self._tasks), most)
        if limit <= 0:
            return True
        held, counts = frozenset(self._tasks), Counter(self._counts)

        def free_slots(throttle_key: str) -> int:
            slots = 1 if throttle_key in self._failing else MAX_LANES_PER_THROTTLE_KEY
            return max(slots - counts[throttle_key], 0)

        found = await self._database.read(lambda tx: find_lanes(tx, self._position, free_slots, held, limit))
        self._position = found.position
        if found.ready or found.waited:
            for lane in await self._database.write(partial(claim, found=found)):
                self._start(lane, stop)
        if len(found.ready) == most or found.waited:
            # There may be more lanes for the slots that are free.
            self._has_room.set()
        return found.has_more or bool(found.waited)

    def _start(self, lane: ClaimedLane, stop: asyncio.Event) -> None:
        task = asyncio.create_task(self._serve(lane, stop))
        self._tasks[lane.key] = task
        self._counts[lane.throttle_key] += 1
        task.add_done_callback(lambda _: self._end(lane))

    def _end(self, lane: ClaimedLane) -> None:
        del self._tasks[lane.key]
        self._counts[lane.throttle_key] -= 1
        if not self._counts[lane.throttle_key]:
            del self._counts[lane.throttle_key]
        # Lanes of a failing target are only claimed by the next regular search.
        if lane.throttle_key not in self._failing:
            self._has_room.set()

    async def _serve(self, lane: ClaimedLane, stop: asyncio.Event) -> None:
        """Deliver what is in a lane until it is empty, a delivery waits for its repetition, or `stop`."""
        try:
            batch = await self._load(lane)
            while batch is not None and not stop.is_set():
                outcomes = await self._attempt(batch)
                batch = await self._settle(batch.lane, outcomes, stop)
            if batch is not None:
                await self._write(batch.lane, partial(release, claimed=batch.lane))
        except ApiError as error:
            # Nothing was sent that is not settled. The lease runs out, and a worker claims the lane again.
            log.warning("lane_waits", error=str(error))
        except Exception:
            log.exception("lane_failed")

    async def _load(self, lane: ClaimedLane) -> Batch | None:
        """Load the first deliveries of a lane by a read; only if there are none, a write closes it."""
        batch = await self._database.read(lambda tx: load(tx, lane, MAX_UNSETTLED))
        return batch or await self._write(lane, lambda tx: load_or_close(tx, lane, MAX_UNSETTLED))

    async def _attempt(self, batch: Batch) -> list[Outcome]:
        """Attempt the deliveries in order and return their outcomes.

        Stops after one that was not delivered, has more to record than its status, or was the last of
        MAX_UNSETTLED_MILLISECONDS, so that outcomes are settled in small groups; and when the lease has
        run out, because another worker may have claimed the lane then. The list may be empty.
        """
        outcomes: list[Outcome] = []
        spent = 0
        for delivery in batch.deliveries:
            if self._database.clock() >= batch.lane.leased_until:
                break
            try:
                outcome = await self._attempt_one(delivery, batch.sealed_auth_token)
            except ApiError:
                if not outcomes:
                    raise
                break
            outcomes.append(outcome)
            # A target that answers, even with an error, does not slow down other lanes.
            change = self._failing.add if outcome.status == PENDING else self._failing.discard
            change(batch.lane.throttle_key)
            spent += outcome.attempt.milliseconds
            if outcome.status != DELIVERED or outcome.writes or spent >= MAX_UNSETTLED_MILLISECONDS:
                break
        return outcomes

    async def _attempt_one(self, delivery: PendingDelivery, sealed_auth_token: str) -> Outcome:
        """Attempt one delivery. Raises ApiError if nothing was sent; every other failure is an outcome."""
        at = self._database.clock()
        if not delivery.is_readable:
            return Outcome(delivery, Attempt(at, 0, error="its parameters cannot be read"), FAILED)
        scheme, colon, _ = delivery.row.target_url.partition(":")
        transport = self._transports.get(scheme + colon, self._default)
        try:
            token = self._vault.unseal(sealed_auth_token)
            return await transport.attempt(delivery, token, at)
        except ApiError:
            raise
        except VaultError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - an attempt that broke is a failed attempt
            # Callers see the attempt, so the error's name is only logged.
            log.warning("attempt_failed", sid=delivery.row.sid, error=type(error).__name__)
            reason = "the attempt failed"
        return Outcome(delivery, Attempt(at, 0, error=reason), PENDING)

    async def _settle(
        self, lane: ClaimedLane, outcomes: Sequence[Outcome], stop: asyncio.Event
    ) -> Batch | None:
        """Settle outcomes and return the next batch. Retries, so that no sent delivery is sent again.

        If the storage refuses an outcome, a simplified one is settled. While it does not answer, outcomes are
        kept, MAX_UNSETTLED of each of MAX_LANES at most.
        """
        if not outcomes:
            return await self._write(lane, lambda tx: load_or_close(tx, lane, MAX_UNSETTLED))
        tries = 0
        while True:
            try:
                return await self._write(lane, partial(self._settle_in, lane=lane, outcomes=outcomes))
            except ApiError as error:
                reason = str(error)
            except Exception as error:  # noqa: BLE001 - the storage may refuse what adapters and targets say
                reason = type(error).__name__
                log.warning("outcomes_refused", error=reason)
                simplified = [each.simplified() for each in outcomes]
                if simplified != outcomes:
                    outcomes = simplified
                    continue
            tries += 1
            if tries == 1:
                log.warning("outcomes_kept", error=reason, count=len(outcomes))
            if stop.is_set() and tries >= LAST_TRIES:
                log.error("outcomes_lost", error=reason, count=len(outcomes))
                return None
            await (asyncio.sleep(WAIT_SECONDS) if stop.is_set() else sleep_until(stop, WAIT_SECONDS))

    def _settle_in(self, tx: Transaction, lane: ClaimedLane, outcomes: Sequence[Outcome]) -> Batch | None:
        return settle(tx, lane, outcomes, self._delays, MAX_UNSETTLED)

    async def _write(self, lane: ClaimedLane, work: Callable[[Transaction], T]) -> T:
        """Do work on a lane in a transaction; the writer commits it together with that of other lanes."""
        return await self._database.write(work, conversations=(lane.key.conversation_sid,))


async def sleep_until(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
