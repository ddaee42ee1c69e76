"""Reset, snapshots and seeds: a server that is as new, or as it was."""

import pytest

from tests.servers import OTHER_ACCOUNT_SID

pytestmark = pytest.mark.core


def conversations(api):
    return [each["unique_name"] for each in api.get("Conversations").json()["conversations"]]


def test_without_the_option_nothing_is_there_to_control(serve):
    with serve().api() as api:
        for path in ("Reset", "Clock", "Faults", "Requests"):
            assert api.post(f"{api.url}/parlour/v1/{path}").status_code == 404


def test_only_an_account_of_the_server_controls_it(controlled):
    with controlled.api(OTHER_ACCOUNT_SID, "guessed") as stranger:
        for method, path in [("POST", "Reset"), ("GET", "Requests"), ("POST", "Fixtures"), ("GET", "Clock")]:
            answer = stranger.request(method, f"{stranger.url}/parlour/v1/{path}")
            assert (answer.status_code, answer.json()["code"]) == (401, 20003)


def test_a_reset_leaves_the_account_and_its_default_service(api, control, room):
    api.post("Services", FriendlyName="Support")
    api.post(f"{room}/Participants", Identity="alice")
    api.post(f"{room}/Messages", Author="alice")
    before = api.get("Services").json()["services"]
    control.post("Faults", kind="status")
    control.post("Clock", stopped=True)
    control.post("Reset")

    assert conversations(api) == []
    assert api.get("Services").json()["services"] == [
        each for each in before if each["friendly_name"] != "Support"
    ]
    assert api.post("Conversations", UniqueName="room").status_code == 201
    assert control.get("Clock")["stopped"] is False


def test_no_answer_of_before_is_given_after_a_reset_with_the_same_seed(api, control):
    for text in ("first", "second"):
        control.post("Reset", seed=7)
        room = api.post("Conversations").json()["sid"]
        api.post(f"Conversations/{room}/Messages", Body=text)
        [message] = api.get(f"Conversations/{room}/Messages").json()["messages"]
        assert message["body"] == text


def test_a_seed_determines_sids_and_none_lets_them_be(api, control):
    def sids(seed):
        control.post("Reset", seed=seed)
        room = api.post("Conversations").json()["sid"]
        return [room, *(api.post(f"Conversations/{room}/Messages").json()["sid"] for _ in range(2))]

    assert sids(1) == sids(1) == [f"CH{1:016x}{1:016x}", f"IM{1:016x}{1:016x}", f"IM{1:016x}{2:016x}"]
    assert not set(sids(2)) & set(sids(1))
    assert not set(sids(None)) & set(sids(None))


def test_a_snapshot_is_put_back_as_often_as_it_is_wanted(api, control, room):
    api.post(f"{room}/Messages", Body="kept")
    kept = api.get(f"{room}/Messages").json()
    control.post("Snapshots", name="before")
    for _ in range(2):
        api.post(f"{room}/Messages", Body="not kept")
        api.post("Conversations", UniqueName="another")
        api.delete(kept["messages"][0]["url"])
        control.post("Snapshots/before")

        assert api.get(f"{room}/Messages").json() == kept
        assert conversations(api) == ["room"]
        assert api.post(f"{room}/Messages").json()["index"] == 1
        control.post("Snapshots/before")

    assert control.get("Snapshots") == {"snapshots": [{"name": "before"}]}
    control.delete("Snapshots/before")
    assert control.request("POST", "Snapshots/before").status_code == 404


def test_seeded_sids_go_on_from_the_snapshot(api, control):
    control.post("Reset", seed=3)
    api.post("Conversations")
    control.post("Snapshots", name="one")
    second = api.post("Conversations").json()["sid"]
    control.post("Reset", seed=4)
    control.post("Snapshots/one")

    assert api.post("Conversations").json()["sid"] == second
    assert len(conversations(api)) == 2


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("Reset", b'{"seed": "x"}'),
        ("Reset", b'{"seed": -1}'),
        ("Reset", b'{"sed": 1}'),
        ("Reset", b"seed=1"),
        ("Reset", b"\xff"),
        ("Clock", b'{"now": "yesterday"}'),
        ("Faults", b'{"kind": "unheard of"}'),
        ("Faults", b'{"kind": "status", "status": 200}'),
        ("Faults", b'{"kind": "latency", "rate": 2}'),
        ("Snapshots", b"{}"),
        ("Fixtures", b"[]"),
        ("Fixtures", b"{"),
    ],
)
def test_what_cannot_be_meant_is_refused(control, path, body):
    answer = control.request("POST", path, data=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
