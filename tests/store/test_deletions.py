"""Deletions: gone for every reader at once, while the rows are removed in small steps."""

import asyncio
from functools import partial

import pytest

from parlour.resources import deletions
from parlour.resources.accounts import delete_account, find_account
from parlour.resources.deletions import Step, remove_some
from parlour.resources.remover import DUTY, LEASE_MILLISECONDS, Remover, remove_all
from parlour.store import Database
from parlour.store.dump import tables
from parlour.store.duties import take_duty
from tests.files import upload, wait_until
from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.core

ROWS = 4
PAIR = {"MessagingBinding.Address": "+15550100001", "MessagingBinding.ProxyAddress": "+15550100002"}
INBOUND = {"From": "+15550100001", "To": "+15550100002", "Body": "Hello"}
OF_OTHERS = {"accounts", "api_keys", "services", "roles", "migrations", "duties", "account_webhooks"}


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """Steps of four rows, and no thread that takes them: each test takes them when it has looked."""
    monkeypatch.setattr(deletions, "STEP_ROWS", ROWS)


@pytest.fixture
def filled(api, service):
    """A conversation with something of everything, which is more than a step removes."""
    made = api.post(f"{service}/Conversations", UniqueName="lobby").json()
    api.post(made["links"]["participants"], PAIR)
    api.post(made["links"]["participants"], Identity="alice")
    media = upload(api, service).json()
    messages = [api.post(made["links"]["messages"], Body="Hello", MediaSid=media["sid"]).json()]
    messages += [api.post(made["links"]["messages"], Body="Hello").json() for _ in range(9)]
    return made | {"media": media, "messages": messages}


def counts(running):
    """How many rows each table has that is not empty."""
    found = {table: f"SELECT COUNT(*) FROM {table}" for table in tables()}
    numbers = {
        table: running.in_database(lambda tx, sql=sql: tx.select(sql))[0][0] for table, sql in found.items()
    }
    return {table: number for table, number in numbers.items() if number}


def rows_of(running, sql, *parameters):
    return running.in_database(lambda tx: tx.select(sql, *parameters))


def remaining(running, conversation):
    return rows_of(running, "SELECT COUNT(*) FROM messages WHERE conversation_sid = ?", conversation["sid"])[
        0
    ][0]


def remove(running):
    asyncio.run(remove_all(running.database))


def urls_of(api, filled):
    message = filled["messages"][0]
    lists = [filled["url"], *filled["links"].values(), message["url"], *message["links"].values()]
    return [*lists, api.url + filled["media"]["url"], api.url + filled["media"]["links"]["content"]]


def test_a_large_conversation_is_gone_for_every_reader_before_its_rows_are(running, api, service, filled):
    fetched = api.get(api.url + filled["media"]["url"]).json()
    signed = fetched["links"]["content_direct_temporary"]
    urls = [*urls_of(api, filled), signed]
    # Read before, so that an answer that is kept would be seen.
    assert [url for url in urls if api.get(url).status_code != 200] == [
        filled["messages"][0]["links"]["channel_metadata"]
    ]
    answer = api.delete(filled["url"])

    assert (answer.status_code, answer.content) == (204, b"")
    assert remaining(running, filled) > ROWS
    assert [url for url in urls if api.get(url).status_code != 404] == []
    assert api.get(f"{service}/Conversations").json()["conversations"] == []
    assert api.get(f"{service}/Conversations", State="closed").json()["conversations"] == []
    for url in (filled["url"], *filled["links"].values(), filled["messages"][0]["url"]):
        assert api.post(url, Identity="bob", Target="webhook").status_code == 404, url
    for url in (filled["url"], filled["messages"][0]["url"], api.url + filled["media"]["url"]):
        assert api.delete(url).status_code == 404, url
    set_of = {"command": "get", "list": [{"media_sid": filled["media"]["sid"]}]}
    assert api.request("POST", f"{service}/MediaSet", json=set_of).json()[0]["code"] == 404
    assert api.post(f"{api.url}/parlour/v1/Inbound", INBOUND).status_code == 404


def test_its_name_and_its_addresses_are_free_at_once(running, api, service, filled):
    api.delete(filled["url"])
    again = api.post(f"{service}/Conversations", UniqueName="lobby")

    assert again.status_code == 201
    assert api.post(again.json()["links"]["participants"], PAIR).status_code == 201
    assert (
        api.post(f"{api.url}/parlour/v1/Inbound", INBOUND).json()["conversation_sid"] == again.json()["sid"]
    )
    assert api.get(f"{service}/Conversations/lobby").json()["sid"] == again.json()["sid"]
    remove(running)
    assert api.get(f"{service}/Conversations/lobby/Participants").json()["participants"] != []
    assert remaining(running, filled) == 0


def test_every_row_goes_in_steps_and_media_stay_until_their_bytes_are_gone(running, api, filled):
    def take(step):
        return running.in_database(lambda tx: remove_some(tx, step, ROWS))

    api.delete(filled["url"])
    before, step, steps = sum(counts(running).values()), None, 0
    while (step := take(step)) is not None:
        now = sum(counts(running).values())
        # The conversation's own row goes with the last of them.
        assert before - ROWS - 1 <= now <= before
        before, steps = now, steps + 1
    found = counts(running)
    assert steps >= 5
    assert set(found) - OF_OTHERS == {"media", "webhook_lanes", "webhook_deliveries"}
    assert rows_of(running, "SELECT sid FROM media WHERE date_deleted IS NULL") == []
    assert running.purge().media == 1
    assert "media" not in counts(running)


def test_a_step_is_taken_again_from_the_start_when_where_it_was_is_forgotten(running, api, filled):
    api.delete(filled["url"])
    for _ in range(3):
        assert running.in_database(lambda tx: remove_some(tx, None, ROWS))[:2] == (
            "conversations",
            filled["sid"],
        )
    # A position within something else means nothing.
    other = Step("conversations", "CH" + "f" * 32, deletions.Position(3, ("IM",)))
    running.in_database(lambda tx: remove_some(tx, other, ROWS))
    remove(running)
    assert rows_of(running, "SELECT sid FROM conversations") == []
    assert remaining(running, filled) == 0


def test_what_fits_in_a_step_is_removed_by_the_request_itself(running, api, room):
    api.post(f"{room}/Messages", Body="Hello")
    api.delete(room)

    assert set(counts(running)) <= OF_OTHERS


def test_a_service_is_gone_at_once_with_all_that_is_in_it(running, api, service, filled):
    small = [api.post(f"{service}/Conversations", UniqueName=f"small-{n}").json() for n in range(3)]
    other = api.post("Conversations").json()
    unsent = upload(api, service).json()
    assert api.delete(service).status_code == 204

    assert remaining(running, filled) > 0
    urls = [*urls_of(api, filled), *(each["url"] for each in small), f"{service}/Conversations"]
    urls += [
        service,
        f"{service}/Configuration/Webhooks",
        api.url + unsent["url"],
        f"{service}/Conversations/lobby",
    ]
    assert [url for url in urls if api.get(url).status_code != 404] == []
    assert [
        url for url in urls if api.post(url, Identity="bob", Target="webhook").status_code not in (404, 405)
    ] == []
    assert upload(api, service).status_code == 404
    assert api.delete(service).status_code == 404
    assert service.split("/")[1] not in str(api.get("Services").json())
    assert api.get("Conversations").json()["conversations"] == [other]
    # Addresses are unique in an account, whatever the service.
    assert api.post(f"{api.url}/parlour/v1/Inbound", INBOUND).status_code == 404
    assert api.post(other["links"]["participants"], PAIR).status_code == 201

    remove(running)
    assert running.purge().media == 2
    assert rows_of(running, "SELECT sid FROM conversations") == [(other["sid"],)]
    assert rows_of(running, "SELECT sid FROM services WHERE sid = ?", service.split("/")[1]) == []
    assert rows_of(running, "SELECT * FROM conversation_names") == []
    assert rows_of(running, "SELECT DISTINCT conversation_sid FROM participants") == [(other["sid"],)]
    assert api.get(other["links"]["participants"]).status_code == 200


def test_an_account_is_gone_at_once_with_all_that_is_in_it(running, api, stranger, filled):
    others = stranger.post("Conversations", UniqueName="theirs").json()
    api.post(filled["links"]["messages"], Body="Hello")
    api.request("POST", "Content", json={"language": "en", "types": {"twilio/text": {"body": "Hello"}}})
    api.request("POST", "Conversations", headers={"Idempotency-Key": "once"}, data={"FriendlyName": "x"})
    key, secret = running.create_key()
    running.in_database(lambda tx: delete_account(tx, find_account(tx, ACCOUNT_SID)))

    assert remaining(running, filled) > 0
    for path in ("Conversations", "Services", "Content", filled["url"]):
        assert api.get(path).status_code in (401, 404) or not api.get(path).json().popitem()[1], path
        assert api.post(path, FriendlyName="x").status_code in (401, 404, 415, 400), path
    api.session.auth = (key, secret)
    assert api.get("Conversations").status_code == 401
    assert find_in(running) is None
    remove(running)
    running.purge()
    for table in tables():
        columns = set(running.in_database(lambda tx, table=table: tx.columns(table)))
        if "account_sid" in columns:
            accounts = rows_of(running, f"SELECT DISTINCT account_sid FROM {table}")
            assert (ACCOUNT_SID,) not in accounts, table
    assert (ACCOUNT_SID,) not in rows_of(running, "SELECT sid FROM accounts")
    assert stranger.get(others["url"]).json() == others


def find_in(running):
    return running.in_database(lambda tx: find_account(tx, ACCOUNT_SID))


def test_a_program_of_the_version_before_finds_it_closed_and_what_it_writes_goes_too(running, api, filled):
    api.delete(filled["url"])
    state = "SELECT state, unique_name FROM conversations WHERE sid = ?"
    assert rows_of(running, state, filled["sid"]) == [("closed", None)]
    assert rows_of(running, "SELECT * FROM address_holders WHERE conversation_sid = ?", filled["sid"]) == []

    step = running.in_database(lambda tx: remove_some(tx, None, 1_000))
    assert step.at is None
    # Its request had found the conversation before the tombstone was there, or its worker a receipt.
    api.delete(make_large(api)["url"])
    metadata = "INSERT INTO channel_metadata (conversation_sid, sid, type, data) VALUES (?, ?, 'sms', '{}')"
    [(sid, message)] = rows_of(
        running, 'SELECT conversation_sid, sid FROM messages ORDER BY "index" DESC LIMIT 1'
    )
    step = running.in_database(lambda tx: remove_some(tx, None, ROWS))
    running.in_database(lambda tx: tx.execute(metadata, sid, message))
    # And it may delete the conversation in its own way, in the middle.
    while step is not None:
        step = running.in_database(lambda tx, step=step: remove_some(tx, step, ROWS))
    api.delete(make_large(api)["url"])
    running.in_database(lambda tx: remove_some(tx, None, ROWS))
    running.in_database(lambda tx: tx.execute("DELETE FROM conversations WHERE date_deleted IS NOT NULL"))
    remove(running)
    assert set(counts(running)) - OF_OTHERS <= {"media", "webhook_lanes", "webhook_deliveries"}


def make_large(api):
    made = api.post("Conversations").json()
    for _ in range(3 * ROWS):
        api.post(made["links"]["messages"], Body="Hello")
    return made


def test_the_remover_of_one_server_removes_it_and_another_goes_on_when_that_one_dies(
    running, api, clock, filled
):
    running.in_database(lambda tx: take_duty(tx, DUTY, "dead", LEASE_MILLISECONDS))
    api.delete(filled["url"])
    other = Database(running.storage.engine(), clock)
    with Remover(running.database, "first"), Remover(other, "second"):
        # While it writes for others, too, whose answers go to their own event loop.
        posted = [api.post("Conversations", FriendlyName=f"{n}").status_code for n in range(20)]
        assert posted == [201] * 20
        assert remaining(running, filled) > 0
        clock.advance(milliseconds=LEASE_MILLISECONDS)
        wait_until(lambda: remaining(running, filled) == 0)
        wait_until(lambda: rows_of(running, "SELECT * FROM duties") == [])
    other.close()
    assert rows_of(running, "SELECT sid FROM conversations WHERE date_deleted IS NOT NULL") == []


def test_a_remover_goes_on_when_a_step_fails(running, api, filled, monkeypatch):
    api.delete(filled["url"])
    failed = []

    def fail_once(tx, **given):
        if not failed:
            failed.append(given)
            raise ValueError
        return remove_some(tx, **given)

    monkeypatch.setattr("parlour.resources.remover.remove_some", fail_once)
    monkeypatch.setattr("parlour.resources.remover.WAIT_SECONDS", 0.01)
    with Remover(running.database, "test"):
        wait_until(lambda: remaining(running, filled) == 0)
    assert len(failed) == 1


def test_an_answer_that_is_kept_for_a_key_is_given_after_the_deletion_too(api, filled):
    send = partial(
        api.request, "POST", filled["links"]["messages"], data={"Body": "x"}, headers={"Idempotency-Key": "k"}
    )
    first = send()
    api.delete(filled["url"])

    assert (first.status_code, send().json()) == (201, first.json())
    assert api.get(first.json()["url"]).status_code == 404
