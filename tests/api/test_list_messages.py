"""GET …/Messages: order, pages and the links between them."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.servers import Api

pytestmark = pytest.mark.core


@pytest.fixture
def fill(api, room):
    def fill(count):
        return [api.post(f"{room}/Messages", Body=str(n)).json() for n in range(count)]

    return fill


def bodies(page):
    return [message["body"] for message in page["messages"]]


def walk(api, page, direction):
    """The bodies of `page` and of all that follow it in a direction, page by page."""
    pages = [bodies(page)]
    while url := page["meta"][f"{direction}_page_url"]:
        page = api.get(url).json()
        pages.append(bodies(page))
    return pages, page


def test_an_empty_conversation_has_one_empty_page(api, room, running):
    answer = api.get(f"{room}/Messages")
    url = f"{running.url}/v1/{room}/Messages?PageSize=50&Page=0"

    assert answer.status_code == 200
    assert answer.json() == {
        "meta": {
            "page": 0,
            "page_size": 50,
            "first_page_url": url,
            "previous_page_url": None,
            "url": url,
            "next_page_url": None,
            "key": "messages",
        },
        "messages": [],
    }


def test_a_listed_message_is_the_message_as_it_is_fetched(api, room, fill):
    messages = fill(2)

    assert api.get(f"{room}/Messages").json()["messages"] == messages


@pytest.mark.parametrize(
    ("order", "expected"),
    [("asc", "012"), ("ASC", "012"), ("AsC", "012"), ("desc", "210"), ("DesC", "210"), ("", "012")],
)
def test_the_order_may_be_given_in_any_case_and_is_echoed_in_lower_case(api, room, fill, order, expected):
    fill(3)
    page = api.get(f"{room}/Messages", Order=order).json()
    echoed = dict(parse_qsl(urlsplit(page["meta"]["url"]).query)).get("Order")

    assert "".join(bodies(page)) == expected
    assert echoed == (order.lower() or None)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_lead_forward_to_the_end_and_back_to_the_beginning(api, room, fill, order):
    fill(7)
    expected = [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    if order == "desc":
        expected = [["6", "5", "4"], ["3", "2", "1"], ["0"]]

    first = api.get(f"{room}/Messages", Order=order, PageSize=3).json()
    forward, last = walk(api, first, "next")
    backward, start = walk(api, last, "previous")

    assert forward == expected
    assert backward == expected[::-1]
    assert start["meta"]["page"] == 0
    assert last["meta"]["page"] == 2
    assert last["meta"]["first_page_url"] == first["meta"]["first_page_url"]


def test_links_are_absolute_echo_what_was_asked_and_hold_no_dots_in_their_token(api, room, fill, running):
    fill(3)
    meta = api.get(f"{room}/Messages", Order="desc", PageSize=2).json()["meta"]

    assert (
        meta["next_page_url"]
        == f"{running.url}/v1/{room}/Messages?Order=desc&PageSize=2&Page=1&PageToken=PT0"
    )
    assert not re.search(r"\.\d", urlsplit(meta["next_page_url"]).query)
    assert api.get(meta["next_page_url"]).json()["meta"]["url"] == meta["next_page_url"]


def test_a_page_that_is_exactly_full_is_the_last(api, room, fill):
    fill(4)
    first = api.get(f"{room}/Messages", PageSize=2).json()
    second = api.get(first["meta"]["next_page_url"]).json()

    assert second["meta"]["next_page_url"] is None


def test_a_page_number_without_a_token_is_the_clients_own_affair(api, room, fill):
    fill(3)
    page = api.get(f"{room}/Messages", PageSize=2, Page=5).json()

    assert bodies(page) == ["0", "1"]
    assert page["meta"]["page"] == 5


def test_pages_stay_right_while_messages_come_and_go(api, room, fill):
    messages = fill(6)
    first = api.get(f"{room}/Messages", PageSize=2).json()
    for gone in (messages[0], messages[2], messages[4]):
        api.delete(gone["url"])
    api.post(f"{room}/Messages", Body="new")
    pages, _ = walk(api, first, "next")

    assert pages == [["0", "1"], ["3", "5"], ["new"]]


def test_newest_first_shows_nothing_twice_when_a_message_comes(api, room, fill):
    fill(4)
    first = api.get(f"{room}/Messages", Order="desc", PageSize=2).json()
    api.post(f"{room}/Messages", Body="new")
    pages, _ = walk(api, first, "next")

    assert pages == [["3", "2"], ["1", "0"]]


def test_going_back_finds_what_has_come_since(api, room, fill):
    messages = fill(4)
    first = api.get(f"{room}/Messages", PageSize=2).json()
    second = api.get(first["meta"]["next_page_url"]).json()
    api.delete(messages[1]["url"])
    back = api.get(second["meta"]["previous_page_url"]).json()

    assert bodies(back) == ["0"]
    assert back["meta"]["previous_page_url"] is None
    assert back["meta"]["next_page_url"] is not None


def test_a_page_whose_messages_are_all_gone_is_empty(api, room, fill):
    messages = fill(3)
    first = api.get(f"{room}/Messages", PageSize=2).json()
    api.delete(messages[2]["url"])
    second = api.get(first["meta"]["next_page_url"]).json()

    assert bodies(second) == []
    assert second["meta"]["next_page_url"] is None


def test_a_list_is_sorted_by_index_and_not_by_date(api, room):
    api.post(f"{room}/Messages", Body="0", DateCreated="2030-01-01T00:00:00Z")
    api.post(f"{room}/Messages", Body="1", DateCreated="2001-01-01T00:00:00Z")

    assert bodies(api.get(f"{room}/Messages").json()) == ["0", "1"]


def test_a_list_read_before_a_change_does_not_hide_it(api, room, fill):
    message = fill(1)[0]
    for change in ({"Body": "edited"}, {"Attributes": '{"a":1}'}, {"Author": "alice"}):
        api.get(f"{room}/Messages")
        changed = api.post(message["url"], change).json()
        assert api.get(f"{room}/Messages").json()["messages"] == [changed]
        assert api.get(message["url"]).json() == changed


def test_unknown_query_parameters_are_ignored(api, room, fill):
    fill(1)
    page = api.get(f"{room}/Messages", Author="nobody", DateSent="2001-01-01").json()

    assert len(page["messages"]) == 1
    assert "Author" not in page["meta"]["url"]


def test_links_begin_with_the_public_url(start):
    running = start(public_url="https://chat.example.com/twilio/")
    with Api(running.url) as api:
        conversation = api.post("Conversations").json()
        page = api.get(f"Conversations/{conversation['sid']}/Messages").json()

    assert page["meta"]["url"].startswith("https://chat.example.com/twilio/v1/Conversations/CH")
    assert conversation["links"]["messages"].startswith("https://chat.example.com/twilio/v1/Conversations/CH")
