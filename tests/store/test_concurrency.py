"""Many clients at once: no index is given twice or left out, and nobody's failure is another's."""

import asyncio
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from parlour.store import Database
from tests.servers import TIMEOUT_SECONDS, Api

pytestmark = pytest.mark.core

CLIENTS = 64


def at_once(url, work, clients=CLIENTS):
    """What `work(api, number)` gives for each of the clients, all of them working at the same time."""

    def run(number):
        with Api(url) as api:
            return work(api, number)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(run, range(clients)))


@pytest.mark.parametrize("each", [10, pytest.param(50, marks=pytest.mark.long)])
def test_messages_of_64_clients_leave_no_gap_and_no_double(running, api, room, each):
    def write(api, client):
        answers = [api.post(f"{room}/Messages", Body=f"{client}/{n}") for n in range(each)]
        assert {answer.status_code for answer in answers} == {201}
        return [(answer.json()["index"], answer.json()["body"]) for answer in answers]

    written = at_once(running.url, write)
    for mine in written:
        assert mine == sorted(mine, key=lambda message: message[0])
    indexes = Counter(index for mine in written for index, _ in mine)
    assert indexes == Counter(range(CLIENTS * each))

    listed, url = [], f"{room}/Messages?PageSize=100"
    while url:
        page = api.get(url).json()
        listed += [(message["index"], message["body"]) for message in page["messages"]]
        url = page["meta"]["next_page_url"]
    assert listed == sorted(message for mine in written for message in mine)


def test_of_many_who_want_the_same_name_one_gets_it_and_no_other_work_suffers(running, api, service):
    def create(api, client):
        named = api.post(f"{service}/Conversations", UniqueName="the one")
        unnamed = api.post(f"{service}/Conversations", FriendlyName=str(client))
        return named.status_code, unnamed.status_code

    outcomes = at_once(running.url, create, clients=16)

    assert Counter(named for named, _ in outcomes) == {201: 1, 409: 15}
    assert {unnamed for _, unnamed in outcomes} == {201}
    assert len(api.get(f"{service}/Conversations", PageSize=100).json()["conversations"]) == 17


def test_writers_in_many_conversations_each_count_for_themselves(running, api, service):
    rooms = [api.post(f"{service}/Conversations").json()["sid"] for _ in range(8)]

    def write(api, client):
        path = f"{service}/Conversations/{rooms[client % 8]}/Messages"
        return client % 8, [api.post(path).json()["index"] for _ in range(10)]

    found = {room: [] for room in range(8)}
    for room, indexes in at_once(running.url, write, clients=32):
        found[room] += indexes
    assert all(sorted(indexes) == list(range(40)) for indexes in found.values())


def test_readers_see_each_message_as_soon_as_it_is_acknowledged(running, room):
    def write_and_read(api, client):
        for n in range(10):
            message = api.post(f"{room}/Messages", Body=f"{client}/{n}").json()
            assert api.get(message["url"]).json() == message
            newest = api.get(f"{room}/Messages", Order="desc", PageSize=100).json()["messages"]
            assert message in newest
        return True

    assert all(at_once(running.url, write_and_read, clients=8))


@pytest.mark.parametrize("storage", ["postgresql"], indirect=True)
def test_a_conversation_that_somebody_keeps_locked_holds_up_no_other(running, storage, api, service):
    locked, free = (api.post(f"{service}/Conversations").json() for _ in range(2))
    other = storage.plain_engine().open()
    other.begin()
    other.execute("SELECT sid FROM conversations WHERE sid = ? FOR UPDATE", (locked["sid"],))

    def write(api, _):
        return [api.post(free["links"]["messages"]).status_code for _ in range(5)]

    with ThreadPoolExecutor(1) as pool, Api(running.url) as waiting:
        answer = pool.submit(waiting.post, locked["links"]["messages"])
        written = at_once(running.url, write, clients=8)
        assert not answer.done()
        other.roll_back()
        assert answer.result().status_code == 201
    other.close()

    assert written == [[201] * 5] * 8


@pytest.mark.parametrize("storage", ["postgresql"], indirect=True)
def test_two_writers_that_lock_conversations_the_other_way_round_do_not_wait_for_each_other(
    running, storage, api, service
):
    first, second = (api.post(f"{service}/Conversations").json()["sid"] for _ in range(2))
    ran = []

    async def write(database, sids):
        """Lock both in one transaction: the writer is kept busy until both are in its queue."""
        queued = threading.Event()
        blocking = asyncio.create_task(database.write(lambda _: queued.wait(TIMEOUT_SECONDS)))
        await asyncio.sleep(0)
        tasks = [
            asyncio.create_task(database.write(partial(lock, sid=sid), conversations=[sid])) for sid in sids
        ]
        await asyncio.sleep(0)
        queued.set()
        await asyncio.gather(blocking, *tasks)

    def lock(tx, sid):
        ran.append(sid)
        tx.lock_conversation(sid)
        # Long enough for the other writer to lock its first one.
        threading.Event().wait(0.2)

    def run(sids):
        database = Database(storage.engine(), running.clock)
        asyncio.run(write(database, sids))
        database.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, [(first, second), (second, first)]))

    # A deadlock would have been broken off by PostgreSQL after a second, and all of it done again.
    assert sorted(ran) == sorted([first, second] * 2)
