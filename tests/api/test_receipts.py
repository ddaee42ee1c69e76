"""…/Messages/{MessageSid}/Receipts and …/ChannelMetadata."""

import pytest

from parlour.resources.channel_metadata import ChannelMetadata
from parlour.resources.receipts import Receipt
from tests.servers import ACCOUNT_SID

pytestmark = pytest.mark.core

UNKNOWN_RECEIPT = "DY" + "0" * 32


@pytest.fixture
def message(api, room):
    return api.post(f"{room}/Messages", Body="Hello").json()


@pytest.fixture
def deliver(running):
    """Stores receipts of a message, which no request can make."""

    def deliver(message, *numbers):
        for number in numbers:
            receipt = Receipt(
                sid=f"DY{number:032}",
                account_sid=ACCOUNT_SID,
                chat_service_sid=message["chat_service_sid"],
                conversation_sid=message["conversation_sid"],
                message_sid=message["sid"],
                participant_sid=f"MB{number:032}",
                date_created=running.clock(),
                date_updated=running.clock(),
                status="delivered",
            )
            running.in_database(lambda tx, receipt=receipt: tx.insert(receipt))

    return deliver


def is_missing(answer, url):
    assert answer.status_code == 404
    assert answer.json()["code"] == 20404
    return answer.json()["message"] == f"The requested resource {url.partition('/v1')[2]} was not found"


def sids(answer):
    return [int(receipt["sid"][2:]) for receipt in answer.json()["delivery_receipts"]]


def test_a_message_has_one_empty_page_of_receipts(api, message):
    url = f"{message['links']['delivery_receipts']}?PageSize=50&Page=0"
    answer = api.get(message["links"]["delivery_receipts"])

    assert answer.status_code == 200
    assert answer.json() == {
        "meta": {
            "page": 0,
            "page_size": 50,
            "first_page_url": url,
            "previous_page_url": None,
            "url": url,
            "next_page_url": None,
            "key": "delivery_receipts",
        },
        "delivery_receipts": [],
    }


@pytest.mark.parametrize(("size", "shown"), [(1, 1), (50, 50), (51, 50), (1_000, 50)])
def test_a_page_holds_50_receipts_at_most(api, message, size, shown):
    meta = api.get(message["links"]["delivery_receipts"], PageSize=size).json()["meta"]

    assert meta["page_size"] == shown
    assert meta["url"] == f"{message['links']['delivery_receipts']}?PageSize={shown}&Page=0"


def test_a_receipt_is_listed_and_fetched(api, message, deliver):
    assert sids(api.get(message["links"]["delivery_receipts"])) == []
    deliver(message, 7)
    [receipt] = api.get(message["links"]["delivery_receipts"]).json()["delivery_receipts"]

    assert receipt == {
        "sid": f"DY{7:032}",
        "account_sid": ACCOUNT_SID,
        "chat_service_sid": message["chat_service_sid"],
        "conversation_sid": message["conversation_sid"],
        "message_sid": message["sid"],
        "participant_sid": f"MB{7:032}",
        "channel_message_sid": None,
        "status": "delivered",
        "error_code": 0,
        "date_created": "2024-01-01T00:00:00Z",
        "date_updated": "2024-01-01T00:00:00Z",
        "url": f"{message['links']['delivery_receipts']}/DY{7:032}",
    }
    assert api.get(receipt["url"]).json() == receipt


def test_receipts_are_paged_through_both_ways(api, message, deliver):
    deliver(message, 1, 2, 3)
    first = api.get(message["links"]["delivery_receipts"], PageSize=2)
    second = api.get(first.json()["meta"]["next_page_url"])

    assert (sids(first), sids(second)) == ([1, 2], [3])
    assert second.json()["meta"]["next_page_url"] is None
    assert sids(api.get(second.json()["meta"]["previous_page_url"])) == [1, 2]


def test_a_receipt_belongs_to_its_message(api, room, message, deliver):
    other = api.post(f"{room}/Messages").json()
    deliver(message, 7)
    url = f"{other['links']['delivery_receipts']}/DY{7:032}"

    assert sids(api.get(other["links"]["delivery_receipts"])) == []
    assert is_missing(api.get(url), url)


def test_receipts_go_with_their_message(api, room, message, deliver):
    deliver(message, 7)
    url = f"{message['links']['delivery_receipts']}/DY{7:032}"
    assert api.get(url).status_code == 200
    api.delete(message["url"])

    assert is_missing(api.get(url), url)
    assert is_missing(api.get(message["links"]["delivery_receipts"]), message["links"]["delivery_receipts"])


@pytest.mark.parametrize("sid", [UNKNOWN_RECEIPT, "DY1", "nonsense"])
def test_a_receipt_that_does_not_exist_is_not_found(api, message, sid):
    url = f"{message['links']['delivery_receipts']}/{sid}"

    assert is_missing(api.get(url), url)


@pytest.mark.parametrize("child", ["Receipts", f"Receipts/{UNKNOWN_RECEIPT}", "ChannelMetadata"])
@pytest.mark.parametrize("sid", ["IM" + "0" * 32, "IM1"])
def test_below_a_message_that_does_not_exist_nothing_is_found(api, room, sid, child):
    path = f"{room}/Messages/{sid}/{child}"

    assert is_missing(api.get(path), f"/v1/{path}")


@pytest.mark.parametrize("child", ["Receipts", f"Receipts/{UNKNOWN_RECEIPT}", "ChannelMetadata"])
def test_receipts_and_metadata_are_only_read(api, message, child):
    url = f"{message['url']}/{child}"
    answers = [api.request(method, url) for method in ("POST", "DELETE")]

    assert [answer.status_code for answer in answers] == [405, 405]
    assert [answer.json()["code"] for answer in answers] == [20004, 20004]


def test_a_message_without_metadata_says_so_with_the_code_that_clients_wait_for(api, message):
    answer = api.get(message["links"]["channel_metadata"])

    assert answer.status_code == 404
    assert answer.json() == {
        "code": 50530,
        "message": "Channel Metadata not found",
        "more_info": "https://www.twilio.com/docs/errors/50530",
        "status": 404,
    }


def test_metadata_is_shown_as_it_is_stored(api, message, running):
    metadata = ChannelMetadata(
        sid=message["sid"],
        conversation_sid=message["conversation_sid"],
        type="whatsapp",
        data='{"context": {"forwarded": true}}',
    )
    api.get(message["links"]["channel_metadata"])
    running.in_database(lambda tx: tx.insert(metadata))
    answer = api.get(message["links"]["channel_metadata"])

    assert answer.status_code == 200
    assert answer.json()["type"] == "whatsapp"
    assert answer.json()["data"] == {"context": {"forwarded": True}}
    assert answer.json()["url"] == message["links"]["channel_metadata"]


def test_in_the_default_service_receipts_are_below_the_short_urls(api, running):
    conversation = api.post("Conversations").json()
    message = api.post(conversation["links"]["messages"]).json()
    meta = api.get(message["links"]["delivery_receipts"]).json()["meta"]

    assert meta["url"] == f"{message['url']}/Receipts?PageSize=50&Page=0"
    assert meta["url"].startswith(f"{running.url}/v1/Conversations/{conversation['sid']}/Messages/")
