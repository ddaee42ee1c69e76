"""Uploads, messages, deletions and purges in any order: no message lacks bytes, no bytes lack a row."""

import random
import threading

import pytest

from tests.files import files_in, upload
from tests.servers import Api

STEPS = 60
SENDERS = 4
ROUNDS = 25


def ensure_sound(api, running, service, room):
    """What messages show can be had, and after a purge what is kept has its row and the reverse."""
    messages = api.get(f"{room}/Messages", PageSize=100).json()["messages"]
    shown = [media for message in messages for media in message["media"] or []]
    for media in shown:
        content = api.get(f"{service}/Media/{media['sid']}/Content")
        assert (content.status_code, len(content.content)) == (200, media["size"])
    running.purge()
    rows = {sid for (sid,) in running.in_database(lambda tx: tx.select("SELECT sid FROM media"))}
    assert {file.name for file in files_in(running.folder)} == rows
    assert {media["sid"] for media in shown} <= rows


@pytest.mark.parametrize("seed", range(4))
def test_any_history(api, running, service, room, clock, seed):
    chance = random.Random(seed)
    uploads, messages = [], []

    def put():
        uploads.append(upload(api, service, bytes(chance.randrange(3_000))).json()["sid"])

    def send():
        chosen = chance.sample(uploads, min(len(uploads), chance.randint(1, 3)))
        answer = api.post(f"{room}/Messages", [("MediaSid", sid) for sid in chosen])
        assert answer.status_code in (201, 400, 409)
        if answer.status_code == 201:
            messages.append(answer.json()["url"])

    def delete_media():
        api.delete(f"{service}/Media/{chance.choice(uploads)}")

    def delete_message():
        api.delete(messages.pop(chance.randrange(len(messages))))

    for _ in range(STEPS):
        steps = [put, put, lambda: clock.advance(hours=chance.randint(1, 20)), running.purge]
        steps += [send, send, delete_media] if uploads else []
        steps += [delete_message] if messages else []
        chance.choice(steps)()
    ensure_sound(api, running, service, room)


def test_a_purge_that_never_rests_takes_nothing_from_a_message(api, running, service, room):
    done = threading.Event()
    outcomes = []

    def send(number):
        with Api(running.url) as caller:
            for _ in range(ROUNDS):
                answer = upload(caller, service, bytes(number))
                outcomes.append(answer.status_code)
                if answer.status_code == 201:
                    answer = caller.post(f"{room}/Messages", MediaSid=answer.json()["sid"])
                    assert answer.status_code in (201, 400)

    def purge():
        while not done.is_set():
            running.purge(unattached_hours=0)

    senders = [threading.Thread(target=send, args=(n,)) for n in range(1, SENDERS + 1)]
    purger = threading.Thread(target=purge)
    for thread in (*senders, purger):
        thread.start()
    for thread in senders:
        thread.join()
    done.set()
    purger.join()
    assert len(outcomes) == SENDERS * ROUNDS
    assert set(outcomes) <= {201, 404, 503}
    ensure_sound(api, running, service, room)
