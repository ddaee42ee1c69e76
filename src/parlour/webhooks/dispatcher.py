"""The dispatcher: carries deliveries to their targets, at least once each, and in order within a lane."""

import asyncio
from collections import Counter
from collections.abc import Iterable

import structlog

from parlour.errors import ApiError
from parlour.store import Database
from parlour.store.credentials import Account, Vault, VaultError
from parlour.webhooks.carriage import Load, Outcome, Way, claim, find_due, purge, release, settle
from parlour.webhooks.outbox import Attempt, WebhookDelivery, attempts_in, idempotency_token, parameters_in
from parlour.webhooks.sender import Sender
from parlour.webhooks.targets import STUDIO

# How often the storage is looked at for what is due.
POLL_SECONDS = 0.05
PURGE_SECONDS = 60.0
MAX_LANES = 512
# A target that failed last is asked by one lane at a time, so that a slow one takes no room from others.
MAX_LANES_OF_A_TARGET = 16
# What a crash may make be delivered twice: each write takes the storage from those who serve requests.
MAX_UNSETTLED = 20
MAX_UNSETTLED_MILLISECONDS = 250

log = structlog.get_logger()


class Dispatcher:
    """`delays` are those before repetitions, in seconds; settled deliveries are kept for `keep_days`."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        sender: Sender,
        *,
        delays: Iterable[float],
        keep_days: float,
        studio_url: str | None,
    ) -> None:
        self._database, self._vault, self._sender = database, vault, sender
        self._delays = tuple(round(seconds * 1_000) for seconds in delays)
        self._keep_milliseconds = round(keep_days * 24 * 60 * 60 * 1_000)
        self._studio_url = studio_url
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
            await sleep_until(stop, POLL_SECONDS)
        await asyncio.gather(purging, *self._under_way)
        await self._sender.close()

    async def _start_what_is_due(self, stop: asyncio.Event) -> None:
        room = MAX_LANES - len(self._under_way)
        asked = (self._allowances(), MAX_LANES_OF_A_TARGET, room)
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
        """How many more lanes of a target may be carried, where it is not as many as of any."""
        counts = Counter(way.target_sid for way in self._under_way.values())
        return {
            sid: max((1 if sid in self._failing else MAX_LANES_OF_A_TARGET) - counts[sid], 0)
            for sid in {*counts, *self._failing}
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
            attempt = outcome.attempt
            # A target that answers, whatever it says, holds nobody up.
            note = self._failing.add if attempt.may_be_repeated else self._failing.discard
            note(way.target_sid)
            spent += attempt.milliseconds
            if not attempt.succeeded or spent >= MAX_UNSETTLED_MILLISECONDS:
                break
        return outcomes

    async def _attempt(self, delivery: WebhookDelivery, account: Account) -> Outcome:
        at = self._database.clock()
        tries = len(attempts_in(delivery.attempts))
        parameters = parameters_in(delivery.parameters) | {"RetryCount": str(tries)}
        url = self._address(delivery.target_url)
        if url is None:
            return Outcome(delivery, Attempt(at, 0, error="no studio URL is set"), hopeless=True)
        try:
            token = self._vault.unseal(account.sealed_auth_token)
        except VaultError as error:
            return Outcome(delivery, Attempt(at, 0, error=str(error)))
        reply = await self._sender.send(
            delivery.method, url, parameters, token, idempotency_token(delivery.sid)
        )
        attempt = Attempt(at, reply.milliseconds, reply.status_code, reply.error)
        return Outcome(delivery, attempt, hopeless=reply.forbidden)

    def _address(self, target_url: str) -> str | None:
        if not target_url.startswith(STUDIO):
            return target_url
        flow_sid = target_url.removeprefix(STUDIO)
        return None if self._studio_url is None else self._studio_url.replace("{FlowSid}", flow_sid)

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
