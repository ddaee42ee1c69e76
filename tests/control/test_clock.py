"""The clock: stopped, set and advanced; what is stored follows it."""

from tests.files import wait_until


def test_a_clock_that_is_stopped_stands_and_is_advanced(api, control, room):
    assert control.post("Clock", now="2024-01-01T00:00:00Z", stopped=True) == {
        "now": "2024-01-01T00:00:00.000Z",
        "stopped": True,
    }
    assert api.post(f"{room}/Messages").json()["date_created"] == "2024-01-01T00:00:00Z"
    assert control.post("Clock", advance=3_600.5)["now"] == "2024-01-01T01:00:00.500Z"
    assert api.post(f"{room}/Messages").json()["date_created"] == "2024-01-01T01:00:00Z"
    assert control.get("Clock") == {"now": "2024-01-01T01:00:00.500Z", "stopped": True}


def test_timers_are_reckoned_from_it(api, control):
    control.post("Clock", now="2024-01-01T00:00:00Z", stopped=True)
    conversation = api.post("Conversations", {"Timers.Inactive": "PT1H"}).json()
    control.post("Clock", advance=1_800)
    api.post(f"Conversations/{conversation['sid']}/Messages")

    assert conversation["timers"] == {"date_inactive": "2024-01-01T01:00:00Z"}
    assert api.get(conversation["url"]).json()["timers"] == {"date_inactive": "2024-01-01T01:30:00Z"}


def test_a_clock_that_goes_on_goes_on_from_where_it_is(api, control, room):
    control.post("Clock", now="2024-01-01T00:00:00Z", stopped=True)
    control.post("Clock", stopped=False)
    assert api.post(f"{room}/Messages").json()["date_created"].startswith("2024-01-01T00:0")

    control.post("Clock", advance=24 * 60 * 60)
    assert api.post(f"{room}/Messages").json()["date_created"].startswith("2024-01-02T00:0")

    control.post("Reset")
    assert not control.get("Clock")["now"].startswith("2024")


def test_conversations_that_are_made_at_one_moment_keep_their_order(api, control):
    control.post("Reset", seed=1)
    control.post("Clock", stopped=True)
    made = [api.post("Conversations").json()["sid"] for _ in range(5)]

    assert [each["sid"] for each in api.get("Conversations").json()["conversations"]] == made[::-1]


def test_timers_that_are_due_have_run_when_the_clock_has_been_advanced(api, control):
    control.post("Clock", now="2024-01-01T00:00:00Z", stopped=True)
    form = {"Timers.Inactive": "PT1H", "Timers.Closed": "PT2H"}
    conversation = api.post("Conversations", form).json()
    control.post("Clock", advance=3_600)
    inactive = api.get(conversation["url"]).json()
    control.post("Clock", now="2024-01-01T02:00:00Z")
    closed = api.get(conversation["url"]).json()

    assert (inactive["state"], inactive["timers"]) == ("inactive", {"date_closed": "2024-01-01T02:00:00Z"})
    assert (closed["state"], closed["timers"]) == ("closed", {})


def test_timers_run_by_a_clock_that_goes_on(api, control):
    control.post("Clock", now="2024-01-01T00:00:00Z", stopped=True)
    conversation = api.post("Conversations", {"Timers.Inactive": "PT1M"}).json()
    control.post("Clock", advance=59.9)
    assert api.get(conversation["url"]).json()["state"] == "active"

    control.post("Clock", stopped=False)
    wait_until(lambda: api.get(conversation["url"]).json()["state"] == "inactive")
