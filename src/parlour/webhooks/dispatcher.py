"""The dispatcher: carries deliveries to their targets, at least once each, and in order within a lane."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

import structlog

from parlour.errors import ApiError
from parlour.store import Database
from parlour.store.credentials import Account, Vault, VaultError
from parlour.webhooks.carriage import Load, Outcome, Way, claim, find_due, purge, release, settle
from parlour.webhooks.outbox import DELIVERED, PENDING, Attempt, WebhookDelivery, attempts_in

# How often the storage is looked at for what is due.
POLL_SECONDS = 0.05
# And how long it is left alone when it does not answer.
WAIT_SECONDS = 1.0
PURGE_SECONDS = 60.0
MAX_LANES = 512
# One that failed last carries one lane at a time, so that a slow one takes no room from others.
MAX_LANES_OF_A_CARRIER = 16
# What a crash may make be delivered twice: each write takes the storage from those who serve requests.
MAX_UNSETTLED = 20
MAX_UNSETTLED_MILLISECONDS = 250

log = structlog.get_logger()


class Carrier(Protocol):
    """Takes one delivery to where it leads. What it records besides is written down at once."""

    async def carry(self, delivery: WebhookDelivery, auth_token: str, at: int, tries: int) -> Outcome: ...
    async def close(self) -> None: ...


class Dispatcher:
    """`carriers` by what a target's URL begins with; of any other, `otherwise` is the carrier.

    `delays` are those before repetitions, in seconds; settled deliveries are kept for `keep_days`.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        otherwise: Carrier,
        carriers: Mapping[str, Carrier],
        *,
        delays: Iterable[float],
        keep_days: float,
    ) -> None:
        self._database, self._vault = database, vault
        self._otherwise, self._carriers = otherwise, carriers
        self._delays = tuple(round(seconds * 1_000) for seconds in delays)
        self._keep_milliseconds = round(keep_days * 24 * 60 * 60 * 1_000)
        self._under_way: dict[asyncio.Task[None], Way] = {}
        self._failing: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`; what is under way then is finished, and its outcome written down."""
        purging = asyncio.create_task(self._purge(stop))
        while not stop.is_set():
            try:
                await self._start_what_is_due(stop)
            except ApiError as error:
                log.warning("dispatcher_waits", error=str(error))
                await sleep_until(stop, WAIT_SECONDS)
            await sleep_until(stop, POLL_SECONDS)
        await asyncio.gather(purging, *self._under_way)
        for carrier in {self._otherwise, *self._carriers.values()}:
            await carrier.close()

    async def _start_what_is_due(self, stop: asyncio.Event) -> None:
        room = MAX_LANES - len(self._under_way)
        asked = (self._allowances(), MAX_LANES_OF_A_CARRIER, room)
        if room <= 0 or not await self._database.read(lambda tx: find_due(tx, *asked)):
            return
        for way in await self._database.write(lambda tx: claim(tx, *asked)):
            if way in self._under_way.values():
                # Its lease ran out while it was carried: the clock was set forward.
                continue
            task = asyncio.create_task(self._carry(way, stop))
            self._under_way[task] = way
            task.add_done_callback(self._under_way.pop)

    def _allowances(self) -> dict[str, int]:
        """How many more lanes a carrier may be given, where it is not as many as any."""
        counts = Counter(way.carrier for way in self._under_way.values())
        return {
            carrier: max((1 if carrier in self._failing else MAX_LANES_OF_A_CARRIER) - counts[carrier], 0)
            for carrier in {*counts, *self._failing}
        }

    async def _carry(self, way: Way, stop: asyncio.Event) -> None:
        """Deliver what is in a lane until it is empty, one has to be tried again later, or `stop`."""
        outcomes: list[Outcome] = []
        try:
            while load := await self._settle(way, outcomes):
                if stop.is_set():
                    # However much is waiting, it waits for whoever comes next.
                    await self._database.write(lambda tx: release(tx, way))
                    return
                outcomes = await self._deliver(way, load)
        except ApiError as error:
            # The lease runs out, and whoever then claims the lane tries again.
            log.warning("deliveries_unsettled", error=str(error))

    async def _settle(self, way: Way, outcomes: list[Outcome]) -> Load | None:
        return await self._database.write(lambda tx: settle(tx, way, outcomes, self._delays, MAX_UNSETTLED))

    async def _deliver(self, way: Way, load: Load) -> list[Outcome]:
        """What came of some deliveries, or of the first ones: it is written down soon, and not for each."""
        outcomes: list[Outcome] = []
        spent = 0
        for delivery in load.deliveries:
            outcome = await self._attempt(delivery, load.account)
            outcomes.append(outcome)
            # One that answers, whatever it says, holds nobody up.
            note = self._failing.add if outcome.status == PENDING else self._failing.discard
            note(way.carrier)
            spent += outcome.attempt.milliseconds
            if outcome.status != DELIVERED or outcome.record or spent >= MAX_UNSETTLED_MILLISECONDS:
                break
        return outcomes

    async def _attempt(self, delivery: WebhookDelivery, account: Account) -> Outcome:
        at, tries = self._database.clock(), len(attempts_in(delivery.attempts))
        try:
            token = self._vault.unseal(account.sealed_auth_token)
        except VaultError as error:
            return Outcome(delivery, Attempt(at, 0, error=str(error)), PENDING)
        scheme, colon, _ = delivery.target_url.partition(":")
        carrier = self._carriers.get(scheme + colon, self._otherwise)
        return await carrier.carry(delivery, token, at, tries)

    async def _purge(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._database.write(lambda tx: purge(tx, self._keep_milliseconds))
            except ApiError as error:
                log.warning("purge_waits", error=str(error))
            await sleep_until(stop, PURGE_SECONDS)


async def sleep_until(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
