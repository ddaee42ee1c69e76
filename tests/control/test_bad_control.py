"""What the control API refuses: bodies, paths and queries that cannot be meant, never with 500."""

import json
from itertools import product
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parlour.control.routes import ROUTES
from tests.hostile import FEW_BYTES, IN_JSON, is_refusal, percent_encoded

HUGE = 10**400


CLOCKS = [
    b'{"advance": 1e15}',
    b'{"advance": 1e308}',
    b'{"advance": 1e999}',
    b'{"advance": -1}',
    b'{"advance": NaN}',
    b'{"advance": "1"}',
    b'{"now": "9999-12-31T23:59:59Z"}',
    b'{"now": "1969-12-31T23:59:59Z"}',
    b'{"now": "0001-01-01T00:00:00+23:00"}',
    b'{"now": "soon"}',
    b'{"now": "8999-12-31T00:00:00Z", "advance": 864000}',
    b'{"now": "2024-01-01T00:00:00Z", "stopped": 1}',
    b'{"later": 1}',
    b"[]",
    b"1",
    b"{",
    b"[" * 100_000,
]


def test_a_clock_that_cannot_be_is_refused_and_stays(api, control):
    control.post("Clock", now="2024-01-01T00:00:00Z", stopped=True)

    for body in CLOCKS:
        assert is_refusal(control.request("POST", "Clock", data=body)), body
    assert control.get("Clock") == {"now": "2024-01-01T00:00:00.000Z", "stopped": True}
    assert api.post("Conversations", {"Timers.Closed": "P36500D"}).status_code == 201


def test_the_clock_goes_from_1970_to_9000(api, control):
    for now in ("1970-01-01T00:00:00Z", "9000-01-01T00:00:00Z"):
        control.post("Clock", now=now, stopped=True)
        conversation = api.post("Conversations", {"Timers.Closed": "P36500D"}).json()

        assert conversation["date_created"] == now
        assert api.get(conversation["url"]).json() == conversation
        assert len(conversation["sid"]) == 34


SEEDS = [
    {"seed": -1},
    {"seed": 2**63},
    {"seed": HUGE},
    {"seed": 1.5},
    {"seed": "1"},
    {"seed": True},
    {"salt": 1},
]


def test_a_seed_that_cannot_be_is_refused_and_nothing_is_reset(api, control, room):
    for body in SEEDS:
        assert is_refusal(control.request("POST", "Reset", data=json.dumps(body))), body

    assert api.get(room).status_code == 200


FAULTS = [
    {},
    {"kind": "earthquake"},
    {"kind": "status", "status": 200},
    {"kind": "status", "status": 600},
    {"kind": "status", "status": HUGE},
    {"kind": "latency", "seconds": -1},
    {"kind": "latency", "seconds": 86_401},
    {"kind": "status", "rate": 1.1},
    {"kind": "status", "skip": -1},
    {"kind": "status", "skip": HUGE},
    {"kind": "status", "count": -1},
    {"kind": "status", "count": HUGE},
    {"kind": "status", "matched": 1},
    {"kind": "status", "path": "*" * 1_025},
    {"kind": "status", "path": None},
    {"kind": "status", "weather": "\N{CLOUD}" * 10_000},
]


def test_a_fault_that_cannot_be_is_refused(control):
    for body in FAULTS:
        answer = control.request("POST", "Faults", data=json.dumps(body))
        assert is_refusal(answer), body
        assert len(answer.json()["message"]) < 200

    assert control.get("Faults") == {"faults": []}


def test_a_query_that_cannot_be_is_refused(control):
    for query in (
        "After=-1",
        "After=x",
        f"After={'9' * 5_000}",
        "Wait=nan",
        "Wait=inf",
        "Wait=-1",
        "Wait=1e3",
    ):
        assert is_refusal(control.request("GET", f"Requests?{query}")), query


def test_a_snapshot_is_restored_by_its_name_in_a_path(api, control, room):
    for name in ("two rooms", "a/b", "é", "%", "100%25", "...", " ", "?#"):
        path = f"Snapshots/{quote(name, safe='')}"
        control.post("Snapshots", name=name)
        control.post("Reset")

        assert control.request("POST", path).status_code == 204, name
        assert api.get(room).status_code == 200
        control.delete(path)
        assert is_refusal(control.request("POST", path), (404,))


def test_a_snapshot_whose_name_no_path_can_hold_is_refused(control):
    for name in ("", ".", "..", "x" * 257, 7, None):
        assert is_refusal(control.request("POST", "Snapshots", data=json.dumps({"name": name}))), name
    assert control.get("Snapshots") == {"snapshots": []}


def test_hostile_texts_are_refused_in_every_body(control):
    posted = [path for path, responder in ROUTES.items() if hasattr(responder, "post") and "{" not in path]
    bodies = (b'{"name": "%s"}', b'{"kind": "status", "path": "%s"}', b'{"%s": 1}', b'"%s"')

    assert len(posted) == 5
    for path, body, raw in product(posted, bodies, IN_JSON):
        assert is_refusal(control.request("POST", path[1:], data=body % raw)), (path, body, raw)


def test_hostile_texts_are_refused_in_paths_and_queries(control):
    for encoded in map(percent_encoded, FEW_BYTES):
        assert is_refusal(control.request("POST", f"Snapshots/{encoded}"), (404,))
        assert is_refusal(control.request("GET", f"Requests?After={encoded}"))
        assert is_refusal(control.request("DELETE", f"Faults/{encoded}"), (404,))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=10), below, max_size=3),
    max_leaves=8,
)
NAMES = {
    "Reset": ["seed"],
    "Snapshots": ["name"],
    "Clock": ["now", "stopped", "advance"],
    "Faults": ["kind", "status", "seconds", "skip", "rate", "count", "path", "method"],
    "Fixtures": ["services", "conversations"],
}
SENT = st.sampled_from(sorted(NAMES)).flatmap(
    lambda path: st.tuples(
        st.just(path), st.dictionaries(st.sampled_from(NAMES[path]), JSON, max_size=3) | JSON
    )
)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(SENT)
def test_whatever_is_sent_nothing_answers_with_a_fault_of_ours(controlled, control, sent):
    path, body = sent
    answer = control.request("POST", path, data=json.dumps(body))

    assert answer.ok or is_refusal(answer, (400, 409)), answer.text
    # Whatever it did, the server can still be looked at.
    for each in ("Clock", "Faults", "Snapshots", "Requests"):
        assert control.request("GET", each).status_code == 200
    control.delete("Faults")
