"""The worker runs timers: each once, in small steps, and at the start those of a server that was down."""

from collections import Counter

import pytest

from parlour.resources import timer_runner
from parlour.resources.conversations import Conversation, expire_timers
from parlour.resources.timer_runner import (
    DUTY,
    FIND_DUE,
    LEASE_MILLISECONDS,
    START,
    TIMERS_PER_STEP,
    find_due,
)
from parlour.store.duties import take_duty
from tests.channels.conftest import BackgroundThread
from tests.store.test_postgresql_away import wait_until

pytestmark = pytest.mark.core

MANY = 5 * TIMERS_PER_STEP + 1
BOTH = {"Timers.Inactive": "PT1H", "Timers.Closed": "PT2H"}
STATES = "SELECT state, COUNT(*) FROM conversations GROUP BY state"
INDEX = {
    search: f"conversations_by_{date}"
    for search, date in zip(FIND_DUE, ("date_inactive", "date_closed"), strict=True)
}
EVENTS = "SELECT conversation_sid, parameters FROM webhook_deliveries"


@pytest.fixture
def work(running):
    """Starts a worker; its own polls are quick."""
    started = []

    def work():
        started.append(BackgroundThread(running))
        return started[-1]

    yield work
    for each in started:
        each.stop()


def make(api, count=MANY):
    form = {"PostWebhookUrl": "http://127.0.0.1:9/", "Filters": ["onConversationStateUpdated"]}
    assert api.post("Configuration/Webhooks", form).status_code == 200
    return [api.post("Conversations", BOTH).json()["sid"] for _ in range(count)]


def states(running):
    return dict(running.in_database(lambda tx: tx.select(STATES)))


def events(running):
    """How many events of each conversation there are."""
    return Counter(sid for sid, _ in running.in_database(lambda tx: tx.select(EVENTS)))


def test_of_several_workers_each_timer_runs_once(running, api, clock, work):
    made = make(api)
    workers = [work() for _ in range(3)]
    assert len(workers) == 3
    clock.advance(hours=1)
    wait_until(lambda: states(running) == {"inactive": MANY})
    clock.advance(hours=1)
    wait_until(lambda: states(running) == {"closed": MANY})

    assert events(running) == dict.fromkeys(made, 2)


def test_two_that_run_the_same_timers_change_each_once(running, api, clock):
    """As after a lease that ran out: both have found the timers before either has changed a state."""
    made = make(api, 3)
    clock.advance(hours=2)
    due = running.in_database(lambda tx: find_due(tx, START))
    for _ in range(2):
        running.in_database(lambda tx: timer_runner.run_timers(tx, due))

    assert events(running) == dict.fromkeys(made, 2)


def test_a_change_in_the_same_transaction_is_kept(running, api, clock):
    """The writer commits the work of requests and of timers together."""
    [sid] = make(api, 1)
    clock.advance(hours=1)

    def change_and_run(tx):
        due = find_due(tx, START)
        tx.update(tx.find(Conversation, sid=sid), next_message_index=7)
        timer_runner.run_timers(tx, due)

    running.in_database(change_and_run)
    stored = running.in_database(lambda tx: tx.find(Conversation, sid=sid))
    assert (stored.next_message_index, stored.state) == (7, "inactive")


def test_another_worker_goes_on_when_one_dies(running, api, clock, work):
    make(api)
    clock.advance(hours=1)
    running.in_database(lambda tx: take_duty(tx, DUTY, "dead", LEASE_MILLISECONDS))
    work()
    # It looks, and leaves them to the other for as long as the lease lasts.
    api.post("Conversations", FriendlyName="Meanwhile")
    assert states(running) == {"active": MANY + 1}

    clock.advance(milliseconds=LEASE_MILLISECONDS)
    wait_until(lambda: states(running) == {"inactive": MANY, "active": 1})
    wait_until(lambda: not running.in_database(lambda tx: tx.select("SELECT * FROM duties")))


def test_a_timer_that_cannot_run_keeps_no_other_from_it(running, api, clock, work, monkeypatch, caplog):
    made = make(api)
    broken = set(made[:2])

    def break_some(tx, conversation, until):
        expired = expire_timers(tx, conversation, until)
        if conversation.sid in broken:
            raise ValueError
        return expired

    monkeypatch.setattr(timer_runner, "expire_timers", break_some)
    clock.advance(hours=1)
    work()
    wait_until(lambda: states(running) == {"inactive": MANY - 2, "active": 2})
    assert events(running) == dict.fromkeys(made[2:], 1)

    broken.clear()
    wait_until(lambda: states(running) == {"inactive": MANY})
    assert events(running) == dict.fromkeys(made, 1)


def test_a_search_is_bounded_and_the_next_begins_behind_it(running, api, clock, monkeypatch):
    monkeypatch.setattr(timer_runner, "MAX_FOUND", 5)
    made = make(api, 4)
    clock.advance(hours=2)
    first = running.in_database(lambda tx: find_due(tx, START))
    rest = running.in_database(lambda tx: find_due(tx, first[-1]))

    hours = [clock.now - 3_600_000] * 4 + [clock.now] * 4
    assert first + rest == list(zip(hours, made * 2, strict=True))
    assert running.in_database(lambda tx: find_due(tx, rest[-1])) == []


@pytest.mark.embedded
@pytest.mark.parametrize("search", FIND_DUE)
def test_timers_are_found_in_the_order_of_an_index(running, search):
    plan = running.in_database(lambda tx: tx.select(f"EXPLAIN QUERY PLAN {search}", 1, *START, 20))

    assert [row[3].partition(" (")[0] for row in plan] == [
        f"SEARCH conversations USING COVERING INDEX {INDEX[search]}"
    ]


@pytest.mark.parametrize("storage", ["postgresql"], indirect=True)
@pytest.mark.parametrize("search", FIND_DUE)
def test_postgresql_finds_them_in_the_order_of_the_index(running, api, clock, search):
    """Whether many are due or none is, if it has analysed the table."""
    make(api, 2)
    columns = running.in_database(lambda tx: tx.columns("conversations"))
    copied = ", ".join("sid || number" if name == "sid" else f'"{name}"' for name in columns)
    fill = f"INSERT INTO conversations SELECT {copied} FROM conversations, generate_series(1, 2000) AS number"
    running.in_database(lambda tx: (tx.execute(fill), tx.select("ANALYZE conversations")))

    for now in (clock.now, clock.now + 7_200_000):
        plan = running.in_database(
            lambda tx, now=now: tx.select(f"EXPLAIN {search}", now, *START, TIMERS_PER_STEP)
        )
        assert INDEX[search] in plan[1][0]
        assert "Sort" not in "".join(row[0] for row in plan)


@pytest.mark.both_engines
@pytest.mark.long
def test_timers_of_a_server_that_was_down_run_at_its_start_even_if_it_is_killed_meanwhile(launch, storage):
    server = launch()
    with server.api() as api:
        made = make(api, 200)
    server.stop()
    past = "UPDATE conversations SET date_inactive = 1000, date_closed = 2000 WHERE TRUE"
    in_session(storage, lambda session: session.execute(past))
    server = launch()
    wait_until(lambda: set_of_closed(storage))
    server.crash()
    # The worker of the same server need not wait for a lease.
    server = launch("--port", server.url.rpartition(":")[2])
    wait_until(lambda: set_of_closed(storage) == set(made))
    server.stop()

    found = in_session(storage, lambda session: session.execute(f"{EVENTS} ORDER BY number").fetchall())
    assert Counter(sid for sid, _ in found) == dict.fromkeys(made, 2)
    for sid in made:
        first, second = (parameters for found_sid, parameters in found if found_sid == sid)
        assert '"StateUpdated":"1970-01-01T00:00:01.000Z"' in first
        assert '"StateUpdated":"1970-01-01T00:00:02.000Z"' in second


def set_of_closed(storage):
    closed = "SELECT sid FROM conversations WHERE state = 'closed'"
    return {sid for (sid,) in in_session(storage, lambda session: session.execute(closed).fetchall())}


def in_session(storage, work):
    session = storage.plain_engine().open()
    session.begin()
    result = work(session)
    session.commit()
    session.close()
    return result
