"""The dispatcher: carries deliveries to their targets, at least once each, and in order within a lane."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Protocol

import structlog

from parlour.errors import ApiError
from parlour.store import Database
from parlour.store.credentials import Account, Vault, VaultError
from parlour.webhooks.carriage import Load, Outcome, attempts_of, next_load, settle
from parlour.webhooks.claims import BEGINNING, MAX_CLAIMED, LaneKey, Way, claim, find_lanes, release
from parlour.webhooks.outbox import DELIVERED, PENDING, Attempt, WebhookDelivery

# How often the storage is looked at for what is due.
POLL_SECONDS = 0.05
# And how long it is left alone when it does not answer.
WAIT_SECONDS = 1.0
MAX_LANES = 512
# One that failed last carries one lane at a time, so that a slow one takes no room from others.
MAX_LANES_OF_A_CARRIER = 16
# What a crash may make be delivered twice: each write takes the storage from those who serve requests.
MAX_UNSETTLED = 20
MAX_UNSETTLED_MILLISECONDS = 250
# How often a worker that is to stop tries to record what it has sent, if the storage does not answer.
LAST_TRIES = 3

log = structlog.get_logger()


class Carrier(Protocol):
    """Takes one delivery to where it leads. Raises ApiError if the storage was away, and nothing was sent."""

    async def carry(self, delivery: WebhookDelivery, auth_token: str, at: int, tries: int) -> Outcome: ...
    async def close(self) -> None: ...


class Dispatcher:
    """`carriers` by what a target's URL begins with; of any other, `otherwise` is the carrier.

    `delays` are those before repetitions, in seconds.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        otherwise: Carrier,
        carriers: Mapping[str, Carrier],
        *,
        delays: Iterable[float],
    ) -> None:
        self._database, self._vault = database, vault
        self._otherwise, self._carriers = otherwise, carriers
        self._delays = tuple(round(seconds * 1_000) for seconds in delays)
        self._under_way: dict[LaneKey, asyncio.Task[None]] = {}
        self._counts: Counter[str] = Counter()
        self._failing: set[str] = set()
        # Where the next look begins, and whether a lane that was done has made room for another.
        self._place = BEGINNING
        self._has_room = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; what is under way then is finished, and its outcome written down."""
        while not stop.is_set():
            self._has_room.clear()
            try:
                behind = await self._start_what_is_due(stop)
            except ApiError as error:
                log.warning("dispatcher_waits", error=str(error))
                await sleep_until(stop, WAIT_SECONDS)
            except Exception:
                log.exception("dispatcher_failed")
                await sleep_until(stop, WAIT_SECONDS)
            else:
                await sleep_until(self._has_room if behind else stop, POLL_SECONDS)
        await asyncio.gather(*self._under_way.values())
        for carrier in {self._otherwise, *self._carriers.values()}:
            await carrier.close()

    async def _start_what_is_due(self, stop: asyncio.Event) -> bool:
        """Claim lanes that are ready, and start them. Whether there are more, which wait for room."""
        limit = min(MAX_LANES - len(self._under_way), MAX_CLAIMED)
        if limit <= 0:
            return True
        held, counts = frozenset(self._under_way), Counter(self._counts)

        def room_of(carrier: str) -> int:
            most = 1 if carrier in self._failing else MAX_LANES_OF_A_CARRIER
            return max(most - counts[carrier], 0)

        found = await self._database.read(lambda tx: find_lanes(tx, self._place, room_of, held, limit))
        self._place = found.place
        if found.ready or found.waited:
            for way in await self._database.write(partial(claim, found=found)):
                self._start(way, stop)
        if len(found.ready) == MAX_CLAIMED or found.waited:
            # There may be more for the room that there is.
            self._has_room.set()
        return found.limited or bool(found.waited)

    def _start(self, way: Way, stop: asyncio.Event) -> None:
        task = asyncio.create_task(self._carry(way, stop))
        self._under_way[way.key] = task
        self._counts[way.carrier] += 1
        task.add_done_callback(lambda _: self._end(way))

    def _end(self, way: Way) -> None:
        del self._under_way[way.key]
        self._counts[way.carrier] -= 1
        if not self._counts[way.carrier]:
            del self._counts[way.carrier]
        # One that fails is not asked at a greater pace than that of the looks.
        if way.carrier not in self._failing:
            self._has_room.set()

    async def _carry(self, way: Way, stop: asyncio.Event) -> None:
        """Deliver what is in a lane until it is empty, one has to be tried again later, or `stop`."""
        try:
            load = await self._database.read(lambda tx: next_load(tx, way, MAX_UNSETTLED))
            if load is None:
                load = await self._record(way, [], stop)
            while load is not None and not stop.is_set():
                outcomes = await self._deliver(load)
                load = await self._record(load.way, outcomes, stop)
            if load is not None:
                # However much is waiting, it waits for whoever comes next.
                await self._database.write(partial(release, way=load.way))
        except ApiError as error:
            # Nothing was sent that is not recorded. The lease runs out, and whoever claims the lane goes on.
            log.warning("lane_waits", error=str(error))
        except Exception:
            log.exception("lane_failed")

    async def _record(self, way: Way, outcomes: Sequence[Outcome], stop: asyncio.Event) -> Load | None:
        """Settle deliveries and return what comes next. What was sent is not sent again for want of a record.

        If the storage refuses an outcome, a simpler one is recorded. While it does not answer, outcomes are
        kept, MAX_UNSETTLED of each of MAX_LANES at most.
        """
        tries = 0
        while True:
            try:
                return await self._settle(way, outcomes)
            except ApiError as error:
                reason = str(error)
            except Exception as error:  # noqa: BLE001 - what adapters and targets say can be refused anyhow
                reason = type(error).__name__
                log.warning("outcomes_refused", error=reason)
                simpler = [each.simpler() for each in outcomes]
                if simpler != outcomes:
                    outcomes = simpler
                    continue
            tries += 1
            if tries == 1:
                log.warning("outcomes_kept", error=reason, count=len(outcomes))
            if stop.is_set() and tries >= LAST_TRIES:
                log.error("outcomes_lost", error=reason, count=len(outcomes))
                return None
            await (asyncio.sleep(WAIT_SECONDS) if stop.is_set() else sleep_until(stop, WAIT_SECONDS))

    async def _settle(self, way: Way, outcomes: Sequence[Outcome]) -> Load | None:
        return await self._database.write(lambda tx: settle(tx, way, outcomes, self._delays, MAX_UNSETTLED))

    async def _deliver(self, load: Load) -> list[Outcome]:
        """Attempt the deliveries in order and return their outcomes.

        Stops after one that was not delivered, has more to record than its status, or was the last of
        MAX_UNSETTLED_MILLISECONDS, so that outcomes are recorded in small groups; and when the lease has
        run out, for then another worker may have claimed the lane.
        """
        outcomes: list[Outcome] = []
        spent = 0
        for delivery in load.deliveries:
            if self._database.clock() >= load.way.leased_until:
                break
            try:
                outcome = await self._attempt(delivery, load.account)
            except ApiError:
                if not outcomes:
                    raise
                break
            outcomes.append(outcome)
            # One that answers, whatever it says, holds nobody up.
            change = self._failing.add if outcome.status == PENDING else self._failing.discard
            change(load.way.carrier)
            spent += outcome.attempt.milliseconds
            if outcome.status != DELIVERED or outcome.records or spent >= MAX_UNSETTLED_MILLISECONDS:
                break
        return outcomes

    async def _attempt(self, delivery: WebhookDelivery, account: Account) -> Outcome:
        """Try one delivery. What goes wrong is its outcome; ApiError means that nothing was sent."""
        at, tries = self._database.clock(), len(attempts_of(delivery))
        scheme, colon, _ = delivery.target_url.partition(":")
        carrier = self._carriers.get(scheme + colon, self._otherwise)
        try:
            token = self._vault.unseal(account.sealed_auth_token)
            return await carrier.carry(delivery, token, at, tries)
        except ApiError:
            raise
        except VaultError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - a try that broke is a try
            reason = type(error).__name__
        return Outcome(delivery, Attempt(at, 0, error=reason), PENDING)


async def sleep_until(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
