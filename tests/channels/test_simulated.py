"""The simulated channel: receipts open with the message, and statuses follow a schedule."""

import pytest

from parlour.channels.simulated import MAGIC_NUMBERS
from tests.channels.conftest import READER
from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.core

NONE = {
    "total": 2,
    "sent": "none",
    "delivered": "none",
    "read": "none",
    "failed": "none",
    "undelivered": "none",
}
PROXIES = ("+15550100009", "whatsapp:+15550100009", "desk@example.com")
# The example of the reference page (contract: the seed, "delivery").
SEED = {
    "total": 2,
    "sent": "all",
    "delivered": "some",
    "read": "some",
    "failed": "none",
    "undelivered": "none",
}


def test_a_message_opens_a_receipt_for_each_recipient_in_its_own_transaction(scene):
    who = [scene.join("+15550100001"), scene.join("whatsapp:+15550100002", "whatsapp:+15550100009")]
    message = scene.post(Body="Hi")
    receipts = scene.receipts(message)

    assert message["delivery"] == NONE
    assert {each["participant_sid"] for each in receipts} == {each["sid"] for each in who}
    for receipt in receipts:
        assert receipt["sid"].startswith("DY")
        assert receipt == {
            "sid": receipt["sid"],
            "account_sid": ACCOUNT_SID,
            "chat_service_sid": message["chat_service_sid"],
            "conversation_sid": message["conversation_sid"],
            "message_sid": message["sid"],
            "participant_sid": receipt["participant_sid"],
            "channel_message_sid": None,
            "status": None,
            "error_code": 0,
            "date_created": "2024-01-01T00:00:00Z",
            "date_updated": "2024-01-01T00:00:00Z",
            "url": f"{message['links']['delivery_receipts']}/{receipt['sid']}",
        }
        assert scene.api.get(receipt["url"]).json() == receipt


def test_statuses_follow_the_schedule(scene, carry, clock):
    scene.join(*READER)
    message = scene.post(Body="Hi")
    carry()
    [receipt] = scene.reached(message, "sent")
    assert receipt["channel_message_sid"] == "SM" + receipt["sid"][2:]

    clock.advance(milliseconds=999)
    scene.reached(message, "sent")
    clock.advance(milliseconds=1)
    [receipt] = scene.reached(message, "delivered")
    assert receipt["date_updated"] == "2024-01-01T00:00:01Z"
    clock.advance(seconds=2)
    [receipt] = scene.reached(message, "read")

    assert (receipt["error_code"], receipt["date_created"]) == (0, "2024-01-01T00:00:00Z")
    assert receipt["date_updated"] == "2024-01-01T00:00:03Z"
    assert scene.api.get(message["url"]).json()["date_updated"] == message["date_updated"]


@pytest.mark.parametrize(
    ("address", "proxy", "last"),
    [
        ("+15550100001", "+15550100009", "delivered"),
        ("12345", "+15550100009", "delivered"),
        ("bob@example.org", "desk@example.com", "delivered"),
        ("whatsapp:+15550100001", "whatsapp:+15550100009", "read"),
        ("messenger:7", "messenger:9", "read"),
        ("rcs:+15550100001", "rcs:desk", "read"),
    ],
)
def test_only_channels_that_know_reading_say_that_a_message_was_read(
    scene, carry, clock, address, proxy, last
):
    scene.join(address, proxy)
    message = scene.post(Body="Hi")
    carry(simulated_delays="0 1 2")
    scene.reached(message, "sent")
    clock.advance(days=1)
    [receipt] = scene.reached(message, last)

    assert receipt["error_code"] == 0
    delivery = scene.api.get(message["url"]).json()["delivery"]
    assert delivery == NONE | {
        "total": 1,
        "sent": "all",
        "delivered": "all",
        "read": "all" if last == "read" else "none",
    }
    # Nothing more is expected of it.
    clock.advance(days=1)
    scene.reached(scene.post(Body="later"), "sent")
    assert scene.receipts(message) == [receipt]


def test_the_summary_of_one_read_and_one_sent_is_the_reference_pages(scene, carry, clock):
    scene.join(*READER)
    scene.join("+15550109001")
    message = scene.post(Body="Hi")
    carry()
    scene.reached(message, "sent", "sent")
    clock.advance(seconds=3)
    scene.reached(message, "read", "sent")

    assert scene.api.get(message["url"]).json()["delivery"] == SEED
    assert scene.api.get(message["url"]).json() == message | {"delivery": SEED}


@pytest.mark.both_engines
@pytest.mark.parametrize("digits", MAGIC_NUMBERS)
@pytest.mark.parametrize("form", ["+1555010{}", "whatsapp:+1555010{}", "bob{}@example.org"])
def test_addresses_that_end_in_reserved_digits_meet_their_fate(scene, carry, clock, digits, form):
    statuses, error_code = MAGIC_NUMBERS[digits]
    proxy = {"+": PROXIES[0], "w": PROXIES[1], "b": PROXIES[2]}[form[0]]
    scene.join(form.format(digits), proxy)
    scene.join("whatsapp:+15550100001", "whatsapp:+15550100008")
    message, after = scene.post(Body="Hi"), scene.post(Body="there")
    carry(simulated_delays="0 0 0")
    for each in (message, after):
        [receipt, _] = scene.reached(each, statuses[-1] if statuses else None, "read")

        assert receipt["error_code"] == (error_code or 0)


def test_the_schedule_counts_from_the_posting(scene, carry, clock):
    scene.join(*READER)
    messages = [scene.post(Body="Hi")]
    for seconds in (2, 1):
        clock.advance(seconds=seconds)
        messages.append(scene.post(Body="Hi"))
    carry()
    for message, status in zip(messages, ("read", "delivered", "sent"), strict=True):
        scene.reached(message, status)


def test_what_is_not_scheduled_does_not_come(scene, carry, clock):
    scene.join("+15550100001")
    carry(simulated_delays="0 1")
    message = scene.post(Body="Hi")
    scene.reached(message, "sent")
    clock.advance(days=30)
    scene.reached(message, "delivered")
    clock.advance(days=30)
    scene.reached(scene.post(Body="later"), "sent")
    scene.reached(message, "delivered")


def test_without_anybody_to_send_to_there_is_no_delivery(scene):
    scene.api.post(f"{scene.path}/Participants", Identity="alice")
    author = scene.join("+15550100001")
    message = scene.post(Author="+15550100001", Body="It is me")

    assert (message["participant_sid"], message["delivery"]) == (author["sid"], None)
    assert scene.receipts(message) == []


def test_somebody_who_joins_later_gets_what_is_posted_later(scene):
    scene.join("+15550100001")
    before = scene.post(Body="Hi")
    scene.join("+15550100002")
    after = scene.post(Body="Hi both")

    assert (len(scene.receipts(before)), len(scene.receipts(after))) == (1, 2)
    assert (before["delivery"]["total"], after["delivery"]["total"]) == (1, 2)


def test_a_receipt_outlives_its_participant(scene, carry):
    gone = scene.join("+15550100001")
    message = scene.post(Body="Hi")
    assert scene.api.delete(gone["url"]).status_code == 204
    carry()
    [receipt] = scene.reached(message, "sent")

    assert receipt["participant_sid"] == gone["sid"]


def test_messages_to_one_recipient_go_in_order(scene, carry):
    scene.join("+15550100001")
    messages = [scene.post(Body=str(number)) for number in range(30)]
    carry()
    for message in messages:
        scene.reached(message, "sent")
    outgoing = scene.outgoing()

    assert [each["parameters"]["Body"] for each in outgoing] == [str(n) for n in range(30)]
    assert {each["status"] for each in outgoing} == {"delivered"}


def test_a_message_that_is_deleted_before_it_leaves_does_not_leave(scene, carry):
    scene.join("+15550100001")
    assert scene.api.delete(scene.post(Body="Oops")["url"]).status_code == 204
    carry()
    [delivery] = scene.until(scene.outgoing, lambda found: found[0]["status"] != "pending")

    assert delivery["status"] == "failed"
    assert [each["error"] for each in delivery["attempts"]] == ["its message was deleted"]


def test_a_conversation_that_is_deleted_takes_what_is_expected_along(running, scene, carry, clock):
    scene.join("+15550100001")
    carry()
    scene.reached(scene.post(Body="Hi"), "sent")
    assert scene.api.delete(scene.path).status_code == 204
    clock.advance(days=1)

    left_of_it = "SELECT COUNT(*) FROM expected_reports WHERE conversation_sid = ?"
    left = running.in_database(lambda tx: tx.select(left_of_it, scene.path.rpartition("/")[2]))
    assert left == [(0,)]


def test_what_is_expected_in_a_conversation_that_is_being_removed_holds_up_no_other(
    scene, carry, service, clock, monkeypatch
):
    monkeypatch.setattr("parlour.channels.report_listener.REPORTS_AT_ONCE", 2)
    monkeypatch.setattr("parlour.resources.deletions.STEP_ROWS", 1)
    for number in range(4):
        scene.join(f"+1555010010{number}")
    other = scene.api.post(f"{service}/Conversations").json()["url"]
    scene.join("+15550100011", path=other)
    carry()
    scene.reached(scene.post(Body="Hi"), *["sent"] * 4)
    message = scene.post(path=other, Body="Hi")
    scene.reached(message, "sent")
    assert scene.api.delete(scene.path).status_code == 204
    clock.advance(seconds=1)

    scene.reached(message, "delivered")


def test_a_message_in_a_conversation_that_is_being_removed_does_not_leave(scene, carry, monkeypatch):
    monkeypatch.setattr("parlour.resources.deletions.STEP_ROWS", 1)
    scene.join("+15550100001")
    scene.post(Body="Oops")
    assert scene.api.delete(scene.path).status_code == 204
    carry()
    [delivery] = scene.until(scene.outgoing, lambda found: found[0]["status"] != "pending")

    assert [each["error"] for each in delivery["attempts"]] == ["its message was deleted"]


class TestLongBodies:
    @pytest.fixture
    def running(self, start):
        return start(profile="observed")

    @pytest.mark.parametrize(
        ("who", "length", "fate"),
        [
            (("+15550100001", PROXIES[0]), 1_600, ("delivered", 0)),
            (("+15550100001", PROXIES[0]), 1_601, ("failed", 21617)),
            (("whatsapp:+15550100001", PROXIES[1]), 1_601, ("failed", 21617)),
            (("bob@example.org", PROXIES[2]), 1_601, ("delivered", 0)),
        ],
    )
    def test_carriers_refuse_bodies_over_1600_characters(self, scene, carry, who, length, fate):
        scene.join(*who)
        carry(simulated_delays="0 0 0")
        [receipt] = scene.reached(scene.post(Body="é" * length), fate[0])

        assert receipt["error_code"] == fate[1]


def test_a_report_that_cannot_be_taken_holds_up_no_other(running, scene, carry, clock):
    """As an adapter may have given it to a version that took anything."""
    scene.join("+15550100001")
    carry()
    bad, good = scene.post(Body="bad"), scene.post(Body="good")
    for message in (bad, good):
        scene.reached(message, "sent")
    poison = f'"error_code":{2**63},"status":"failed"'
    replace = """UPDATE expected_reports SET reports = REPLACE(reports, '"status":"delivered"', ?)
    WHERE conversation_sid = ? AND sid = ?"""
    [receipt] = scene.receipts(bad)
    key = (receipt["conversation_sid"], receipt["sid"])
    running.in_database(lambda tx: tx.execute(replace, poison, *key))
    clock.advance(seconds=3)

    scene.reached(good, "delivered")
    scene.reached(bad, "sent")
    scene.reached(scene.post(Body="after"), "sent")
