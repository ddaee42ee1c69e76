"""What is kept for some time only is removed in time, however much there is of it."""

import asyncio
import threading

import pytest

from parlour.store import Database
from parlour.store.retention import Expiring, Retention
from parlour.webhooks.delivery_queue import REMOVE_SETTLED, remove_settled
from parlour.webhooks.outbox import DELIVERED, PENDING, WebhookDelivery
from tests.channels.conftest import BackgroundThread
from tests.cli.test_purge import holders
from tests.files import wait_until
from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.core

MANY = 2_500
HOUR = 60 * 60 * 1_000
CONVERSATION = "CH" + "0" * 32


@pytest.fixture
def work(running):
    """Starts background work with the settings that the test gives."""
    started = []

    def work(**settings):
        started.append(BackgroundThread(running, **settings))
        return started[-1]

    yield work
    for each in started:
        each.stop()


def delivery(number, moment, status=DELIVERED):
    return WebhookDelivery(
        sid=f"WD{number:032}",
        account_sid=ACCOUNT_SID,
        conversation_sid=CONVERSATION,
        target_sid="WH1",
        number=number,
        event_type="onMessageAdded",
        target_url="http://127.0.0.1/",
        method="POST",
        parameters='{"Body":"whisper"}',
        status=status,
        attempts="[]",
        date_created=moment,
        date_updated=moment,
    )


def settle_many(running, count, status=DELIVERED, first=0):
    def insert(tx):
        for number in range(first, first + count):
            tx.insert(delivery(number, tx.now, status))

    running.in_database(insert)


def count(running, table):
    [(found,)] = running.in_database(lambda tx: tx.select(f"SELECT COUNT(*) FROM {table}"))
    return found


def test_however_many_deliveries_expire_at_once_one_run_removes_them_all(running, work, clock):
    settle_many(running, MANY)
    settle_many(running, 3, PENDING, first=MANY)
    clock.advance(days=7, milliseconds=1)
    settle_many(running, 2, first=MANY + 3)
    work()

    wait_until(lambda: count(running, "webhook_deliveries") <= 5)
    # What still waits is kept, however old it is; so is what was settled since.
    assert count(running, "webhook_deliveries") == 5


def test_texts_that_are_not_to_be_kept_are_removed_again_and_again(running, work, clock, monkeypatch):
    monkeypatch.setattr("parlour.store.retention.EVERY_SECONDS", 0.01)
    work(webhook_keep_days=0)
    for first in (0, 10):
        settle_many(running, 10, first=first)
        clock.advance(milliseconds=1)
        wait_until(lambda: count(running, "webhook_deliveries") == 0)


@pytest.mark.embedded
def test_texts_that_are_not_to_be_kept_are_soon_in_no_file(running, work, clock, monkeypatch, tmp_path):
    monkeypatch.setattr("parlour.store.retention.EVERY_SECONDS", 0.01)
    settle_many(running, 10)
    assert holders(tmp_path, "whisper")
    clock.advance(milliseconds=1)
    work(webhook_keep_days=0)

    wait_until(lambda: holders(tmp_path, "whisper") == [])


def test_answers_to_keys_go_after_their_day_though_nobody_sends_another_key(running, api, room, work, clock):
    for key in "abc":
        api.request("POST", f"{room}/Messages", data={"Body": "x"}, headers={"Idempotency-Key": key})
    clock.advance(days=1, milliseconds=1)
    work()

    wait_until(lambda: count(running, "idempotency_keys") == 0)
    assert len(api.get(f"{room}/Messages").json()["messages"]) == 3


def test_of_two_workers_one_removes_at_a_time(running, clock):
    database = Database(running.storage.engine(), clock)
    settled = Expiring("webhook_deliveries", 0, remove_settled)
    retention = Retention(database, [settled])
    settle_many(running, 3)
    clock.advance(milliseconds=1)
    running.in_database(
        lambda tx: tx.execute(
            "INSERT INTO duties (name, holder, leased_until) VALUES (?, ?, ?)",
            "retention of webhook_deliveries",
            "another",
            tx.now + 1_000,
        )
    )
    asyncio.run(retention.run_once(asyncio.Event()))
    assert count(running, "webhook_deliveries") == 3

    clock.advance(seconds=1)
    asyncio.run(retention.run_once(asyncio.Event()))
    assert count(running, "webhook_deliveries") == count(running, "duties") == 0
    database.close()


@pytest.mark.embedded
def test_what_is_due_is_found_without_passing_over_what_waits(running):
    plan = running.in_database(lambda tx: tx.select(f"EXPLAIN QUERY PLAN {REMOVE_SETTLED}", 0, 1, 100))

    assert any("webhook_deliveries_done (date_updated>? AND date_updated<?)" in row[3] for row in plan)


@pytest.mark.parametrize("storage", ["postgresql"], indirect=True)
def test_a_delivery_that_is_sent_once_more_meanwhile_stays(running, clock):
    settle_many(running, 1)
    clock.advance(milliseconds=1)
    other = running.storage.plain_engine().open()
    other.begin()
    where = f"WHERE conversation_sid = '{CONVERSATION}'"
    other.execute(f"UPDATE webhook_deliveries SET status = 'pending' {where}")
    removed = []
    thread = threading.Thread(
        target=lambda: removed.append(running.in_database(lambda tx: remove_settled(tx, 0, tx.now, 100)))
    )
    thread.start()
    waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted"
    wait_until(lambda: other.execute(waiting).fetchone()[0])
    other.commit()
    other.close()
    thread.join()

    assert removed == [[]]
    assert count(running, "webhook_deliveries") == 1
