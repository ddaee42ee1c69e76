"""Receipts and the summaries of them, over every mix of outcomes that a channel can report."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.both_engines

STATUSES = ("sent", "delivered", "read", "undelivered", "failed")
# Contract: messages.md §4. What a summary counts under each of its names.
COUNTS = {
    "sent": ("sent", "delivered", "read", "undelivered"),
    "delivered": ("delivered", "read"),
    "read": ("read",),
    "failed": ("failed",),
    "undelivered": ("undelivered",),
}
# Which status a receipt ends with, when these two are reported one after the other.
FINAL = ("read", "undelivered", "failed")


def expected_summary(statuses):
    def word(name):
        count = len([each for each in statuses if each in COUNTS[name]])
        return "none" if not count else "all" if count == len(statuses) else "some"

    return {"total": len(statuses), **{name: word(name) for name in COUNTS}}


def expected_after(reported):
    """The status after all that was reported, in this order: nothing goes back, and an end is an end."""
    status = None
    for new in reported:
        if status in FINAL or (status == "delivered" and new != "read"):
            continue
        status = new
    return status


def report(api, receipt, **parameters):
    path = receipt["url"].replace("/v1/", "/parlour/v1/", 1)
    answer = api.post(path, parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


HISTORIES = st.lists(st.lists(st.sampled_from(STATUSES), max_size=4), min_size=1, max_size=6)


def test_summaries_count_what_the_receipts_say(scene, service):
    rooms = itertools.count()

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(HISTORIES, st.randoms(use_true_random=False))
    def check(histories, random):
        path = f"{service}/Conversations/" + scene.api.post(f"{service}/Conversations").json()["sid"]
        number = next(rooms)
        for place in range(len(histories)):
            scene.join(f"+1555{number:04}{place:03}", path=path)
        message = scene.post(path, Body="Hi")
        receipts = scene.receipts(message)
        turns = [place for place, history in enumerate(histories) for _ in history]
        random.shuffle(turns)
        rest = [iter(history) for history in histories]
        for place in turns:
            report(scene.api, receipts[place], Status=next(rest[place]))
        statuses = [each["status"] for each in scene.receipts(message)]

        assert statuses == [expected_after(history) for history in histories]
        assert scene.api.get(message["url"]).json()["delivery"] == expected_summary(statuses)
        listed = scene.api.get(f"{path}/Messages").json()["messages"]
        assert [each["delivery"] for each in listed] == [expected_summary(statuses)]

    check()


@pytest.mark.parametrize("mix", list(itertools.combinations_with_replacement((None, *STATUSES), 3)))
def test_every_mix_of_three_outcomes(scene, mix):
    for place in range(3):
        scene.join(f"+1555010000{place + 1}")
    message = scene.post(Body="Hi")
    for receipt, status in zip(scene.receipts(message), mix, strict=True):
        if status is not None:
            report(scene.api, receipt, Status=status)

    assert scene.api.get(message["url"]).json()["delivery"] == expected_summary(mix)


class TestReports:
    """What is posted to a receipt's path of ours."""

    @pytest.fixture
    def message(self, scene):
        scene.join("+15550100001")
        return scene.post(Body="Hi")

    @pytest.fixture
    def receipt(self, scene, message):
        [receipt] = scene.receipts(message)
        return receipt

    def test_the_receipt_is_shown_as_it_is_at_its_own_url(self, scene, receipt, clock):
        clock.advance(seconds=5)
        answered = report(scene.api, receipt, Status="failed", ErrorCode="21610", ChannelMessageSid="SM1")

        assert answered == receipt | {
            "status": "failed",
            "error_code": 21610,
            "channel_message_sid": "SM1",
            "date_updated": "2024-01-01T00:00:05Z",
        }
        assert scene.api.get(receipt["url"]).json() == answered

    def test_what_is_no_news_changes_nothing(self, scene, message, receipt, clock):
        report(scene.api, receipt, Status="delivered", ChannelMessageSid="SM1")
        before = scene.receipts(message)
        clock.advance(seconds=5)
        for status in ("delivered", "sent", "failed", "undelivered"):
            assert report(scene.api, receipt, Status=status) == before[0]
        report(scene.api, receipt, ChannelMessageSid="SM2")
        report(scene.api, receipt)

        assert scene.receipts(message) == before

    def test_an_error_code_goes_with_a_failure_only(self, scene, receipt):
        answered = report(scene.api, receipt, Status="sent", ErrorCode="30008")

        assert (answered["status"], answered["error_code"]) == ("sent", 0)

    def test_metadata_are_kept_with_the_message(self, scene, message, receipt):
        for data in ('{"context": {"forwarded": true}}', "{}"):
            told = f'{{"type": "whatsapp", "data": {data}}}'
            report(scene.api, receipt, ChannelMetadata=told)
            shown = scene.api.get(message["links"]["channel_metadata"]).json()

            assert shown["type"] == "whatsapp"
            assert shown["data"] == ({} if data == "{}" else {"context": {"forwarded": True}})
        assert scene.receipts(message) == [receipt]

    @pytest.mark.parametrize(
        "parameters",
        [
            {"Status": "lost"},
            {"Status": ""},
            {"Status": "failed", "ErrorCode": "many"},
            {"ChannelMessageSid": "x" * 65},
            {"ChannelMetadata": "[]"},
            {"ChannelMetadata": '{"type": "sms"}'},
            {"ChannelMetadata": '{"type": 1, "data": {}}'},
            {"ChannelMetadata": '{"type": "sms", "data": {"x": "' + "x" * 16_384 + '"}}'},
        ],
    )
    def test_a_report_that_is_none_is_refused(self, scene, message, receipt, parameters):
        path = receipt["url"].replace("/v1/", "/parlour/v1/", 1)
        answer = scene.api.post(path, parameters)

        assert (answer.status_code, answer.json()["code"]) == (400, 20001)
        assert scene.receipts(message) == [receipt]

    def test_a_receipt_of_somebody_else_or_of_nobody_is_not_found(self, scene, stranger, receipt, message):
        path = receipt["url"].replace("/v1/", "/parlour/v1/", 1)
        answers = [
            stranger.post(path, Status="read"),
            scene.api.post(path[:-1] + "x", Status="read"),
            scene.api.post(path.replace(message["sid"], "IM" + "0" * 32), Status="read"),
        ]

        assert [each.status_code for each in answers] == [404] * 3
        assert scene.receipts(message) == [receipt]

    def test_it_takes_credentials(self, scene, receipt):
        path = receipt["url"].replace("/v1/", "/parlour/v1/", 1)
        scene.api.session.auth = None

        assert scene.api.post(path, Status="read").status_code == 401
