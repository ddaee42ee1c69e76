"""GET …/Conversations: order, filters, pages."""

from urllib.parse import parse_qsl, urlsplit

import pytest

pytestmark = pytest.mark.core


@pytest.fixture
def fill(api, service):
    """Makes conversations of the given names, and of dates and states where they are given."""

    def fill(*names, dates=(), states=()):
        for number, name in enumerate(names):
            form = {"FriendlyName": name}
            if dates:
                form["DateCreated"] = dates[number]
            created = api.post(f"{service}/Conversations", form).json()
            if states:
                api.post(created["url"], State=states[number])

    return fill


def names(answer):
    assert answer.status_code == 200
    return [conversation["friendly_name"] for conversation in answer.json()["conversations"]]


def walk(api, answer, direction):
    """The names on `answer` and on all pages that follow it in a direction, and the last page."""
    pages = [names(answer)]
    while url := answer.json()["meta"][f"{direction}_page_url"]:
        answer = api.get(url)
        pages.append(names(answer))
    return pages, answer


def query_of(url):
    return parse_qsl(urlsplit(url).query)


def test_a_service_without_conversations_has_one_empty_page(api, service, running):
    url = f"{running.url}/v1/{service}/Conversations?PageSize=50&Page=0"
    answer = api.get(f"{service}/Conversations")

    assert answer.status_code == 200
    assert answer.json() == {
        "meta": {
            "page": 0,
            "page_size": 50,
            "first_page_url": url,
            "previous_page_url": None,
            "url": url,
            "next_page_url": None,
            "key": "conversations",
        },
        "conversations": [],
    }


def test_a_listed_conversation_is_the_conversation_as_it_is_fetched(api, service):
    conversation = api.post(f"{service}/Conversations", UniqueName="lobby").json()

    assert api.get(f"{service}/Conversations").json()["conversations"] == [conversation]


def test_the_newest_conversation_comes_first(api, service, fill, clock):
    for name in ("first", "second", "third"):
        fill(name)
        clock.advance(milliseconds=1)

    assert names(api.get(f"{service}/Conversations")) == ["third", "second", "first"]


def test_a_conversation_is_listed_by_its_date_of_creation_as_it_was_given(api, service, fill):
    fill(
        "new", "old", "older", dates=["2023-03-01T00:00:00Z", "1969-01-01T00:00:00Z", "0001-01-01T00:00:00Z"]
    )
    fill("now")

    assert names(api.get(f"{service}/Conversations")) == ["now", "new", "old", "older"]


def test_a_list_holds_its_own_services_conversations_only(api, service, fill):
    fill("here")
    api.post("Conversations", FriendlyName="in the default service")

    assert names(api.get(f"{service}/Conversations")) == ["here"]
    assert names(api.get("Conversations")) == ["in the default service"]


DATES = [
    "2024-01-01T00:00:00Z",
    "2024-01-01T23:59:59.999Z",
    "2024-01-02T00:00:00Z",
    "2024-01-02T12:30:00.500Z",
    "2024-01-03T00:00:00Z",
]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"StartDate": "2024-01-02T00:00:00Z"}, "432"),
        ({"StartDate": "2024-01-01T23:59:59Z"}, "4321"),
        ({"StartDate": "2024-01-02T00:00:01Z"}, "43"),
        ({"StartDate": "2024-01-02"}, "432"),
        ({"StartDate": "2024-01-02T01:00:00+01:00"}, "432"),
        ({"StartDate": "2024-01-02T12:30:00.900Z"}, "43"),
        ({"EndDate": "2024-01-02T00:00:00Z"}, "210"),
        ({"EndDate": "2024-01-01T23:59:59Z"}, "10"),
        ({"EndDate": "2024-01-02T12:30:00Z"}, "3210"),
        ({"EndDate": "2024-01-02T12:29:59Z"}, "210"),
        ({"EndDate": "2024-01-01"}, "10"),
        ({"EndDate": "2024-01-02"}, "3210"),
        ({"EndDate": "2024-01-03"}, "43210"),
        ({"StartDate": "2024-01-01T00:00:01Z", "EndDate": "2024-01-02T00:00:00Z"}, "21"),
        ({"StartDate": "2024-01-02", "EndDate": "2024-01-02"}, "32"),
        ({"StartDate": "2024-01-04", "EndDate": "2024-01-05"}, ""),
        ({"StartDate": "", "EndDate": ""}, "43210"),
    ],
)
def test_both_ends_of_a_span_of_dates_belong_to_it(api, service, fill, filters, expected):
    fill(*"01234", dates=DATES)

    assert "".join(names(api.get(f"{service}/Conversations", **filters))) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [("active", "ea"), ("inactive", "db"), ("closed", "c"), ("CLOSED", "c"), ("", "edcba")],
)
def test_conversations_in_one_state_are_listed(api, service, fill, state, expected):
    fill(*"abcde", states=["active", "inactive", "closed", "inactive", "active"])

    assert "".join(names(api.get(f"{service}/Conversations", State=state))) == expected


def test_a_state_and_dates_are_combined(api, service, fill):
    fill(*"01234", dates=DATES, states=["closed", "closed", "active", "closed", "closed"])
    filters = {"State": "closed", "StartDate": "2024-01-01T23:00:00Z", "EndDate": "2024-01-02"}

    assert names(api.get(f"{service}/Conversations", **filters)) == ["3", "1"]
    assert names(api.get(f"{service}/Conversations", **filters | {"State": "active"})) == ["2"]
    assert names(api.get(f"{service}/Conversations", **filters | {"State": "inactive"})) == []


def test_filters_are_echoed_percent_encoded_before_the_page_size(api, service, fill, running):
    fill("a", "b", states=["closed", "closed"])
    filters = {"StartDate": "2024-01-01T00:00:00+00:00", "EndDate": "2024-01-01", "State": "Closed"}
    meta = api.get(f"{service}/Conversations", **filters, PageSize=1).json()["meta"]

    sent = [("StartDate", "2024-01-01T00:00:00+00:00"), ("EndDate", "2024-01-01"), ("State", "closed")]
    assert query_of(meta["url"]) == [*sent, ("PageSize", "1"), ("Page", "0")]
    assert query_of(meta["first_page_url"]) == query_of(meta["url"])
    assert query_of(meta["next_page_url"])[:-1] == [*sent, ("PageSize", "1"), ("Page", "1")]
    assert "StartDate=2024-01-01T00%3A00%3A00%2B00%3A00&" in meta["url"]
    assert meta["url"].startswith(f"{running.url}/v1/{service}/Conversations?")


def test_filters_hold_on_every_page_both_ways(api, service, fill):
    fill(*"abcdefg", states=["closed", "active", "closed", "closed", "inactive", "closed", "closed"])
    first = api.get(f"{service}/Conversations", State="closed", PageSize=2)
    forward, last = walk(api, first, "next")
    backward, _ = walk(api, last, "previous")

    assert forward == [["g", "f"], ["d", "c"], ["a"]]
    assert backward == forward[::-1]


@pytest.mark.parametrize("path", ["{service}/Conversations", "Conversations"])
def test_pages_lead_forward_to_the_end_and_back_to_the_beginning(api, service, clock, path):
    path = path.format(service=service)
    for name in "abcdefg":
        api.post(path, FriendlyName=name)
        # Some are of the same moment: their SIDs keep them in order.
        clock.advance(milliseconds=1 if name in "bd" else 0)
    first = api.get(path, PageSize=3)
    forward, last = walk(api, first, "next")
    backward, start = walk(api, last, "previous")

    assert forward == [["g", "f", "e"], ["d", "c", "b"], ["a"]]
    assert backward == forward[::-1]
    assert walk(api, start, "next")[0] == forward
    assert (start.json()["meta"]["page"], last.json()["meta"]["page"]) == (0, 2)
    assert last.json()["meta"]["first_page_url"] == first.json()["meta"]["first_page_url"]


def test_pages_reach_back_before_1970(api, service, fill):
    fill("old", "older", dates=["1931-01-01T00:00:00.5Z", "0001-01-01T00:00:00Z"])
    fill("new")
    pages, last = walk(api, api.get(f"{service}/Conversations", PageSize=1), "next")

    assert pages == [["new"], ["old"], ["older"]]
    assert walk(api, last, "previous")[0] == [["older"], ["old"], ["new"]]


def test_pages_stay_right_while_conversations_come_and_go(api, service, fill):
    fill(*"abcdef")
    first = api.get(f"{service}/Conversations", PageSize=2)
    on_pages = api.get(f"{service}/Conversations").json()["conversations"]
    for gone in (on_pages[0], on_pages[2]):
        api.delete(gone["url"])
    fill("new")
    forward, last = walk(api, first, "next")

    assert forward == [["f", "e"], ["c", "b"], ["a"]]
    assert walk(api, last, "previous")[0] == [["a"], ["c", "b"], ["new", "e"]]


def test_a_page_holds_50_conversations_and_100_at_most(api, service):
    assert api.get(f"{service}/Conversations").json()["meta"]["page_size"] == 50
    assert api.get(f"{service}/Conversations", PageSize=100).json()["meta"]["page_size"] == 100
    assert api.get(f"{service}/Conversations", PageSize=101).json()["meta"]["page_size"] == 100


def test_a_list_shows_every_change_at_once(api, service):
    conversation = api.post(f"{service}/Conversations").json()
    for change in ({"FriendlyName": "Lobby"}, {"State": "inactive"}, {"UniqueName": "lobby"}):
        changed = api.post(conversation["url"], change).json()
        assert api.get(f"{service}/Conversations").json()["conversations"] == [changed]
    api.delete(conversation["url"])
    assert api.get(f"{service}/Conversations").json()["conversations"] == []


def test_unknown_query_parameters_are_ignored(api, service, fill):
    fill("lobby")
    answer = api.get(f"{service}/Conversations", UniqueName="other", startDate="nonsense")

    assert names(answer) == ["lobby"]
    assert query_of(answer.json()["meta"]["url"]) == [("PageSize", "50"), ("Page", "0")]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"State": "open"}, 50378),
        ({"StartDate": "yesterday"}, 20001),
        ({"StartDate": "2024-02-30"}, 20001),
        ({"StartDate": "2024-1-1"}, 20001),
        ({"EndDate": "2024-01-01T25:00:00Z"}, 20001),
        ({"EndDate": "20240101"}, 20001),
        ({"PageToken": "PT1"}, 20001),
        ({"PageToken": "PT-1"}, 20001),
        ({"PageToken": "PTnonsense"}, 20001),
        ({"PageSize": "0"}, 20001),
    ],
)
def test_a_filter_that_says_nothing_is_refused(api, service, query, code):
    answer = api.get(f"{service}/Conversations", **query)

    assert answer.status_code == 400
    assert answer.json()["code"] == code


@pytest.mark.parametrize("state", ["initializing", "INITIALIZING"])
def test_no_conversation_is_initializing(api, service, fill, state):
    fill("lobby")
    page = api.get(f"{service}/Conversations", State=state).json()

    assert page["conversations"] == []
    assert query_of(page["meta"]["url"]) == [("State", "initializing"), ("PageSize", "50"), ("Page", "0")]


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2024-01-04", "2024-01-01"),
        ("2024-01-01T00:00:01Z", "2024-01-01T00:00:00Z"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:59+01:00"),
    ],
)
def test_a_time_that_ends_before_it_starts_is_refused(api, service, since, until):
    answer = api.get(f"{service}/Conversations", StartDate=since, EndDate=until)

    assert answer.status_code == 400
    assert answer.json() == {
        "code": 50396,
        "message": "EndDate parameter should be greater than StartDate parameter",
        "more_info": "https://www.twilio.com/docs/errors/50396",
        "status": 400,
    }


@pytest.mark.parametrize("bound", ["2024-01-01", "2024-01-01T00:00:00Z"])
def test_a_time_may_start_and_end_at_the_same_moment(api, service, fill, bound):
    fill("lobby")

    assert names(api.get(f"{service}/Conversations", StartDate=bound, EndDate=bound)) == ["lobby"]
