"""Faults: late, refused, dropped and lost answers, and what of them is stored."""

import pytest
import requests
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests.servers import ACCOUNT_SID, AUTH_TOKEN


def bodies(api, room):
    return [each["body"] for each in api.get(f"{room}/Messages").json()["messages"]]


def test_a_429_has_the_providers_body(api, control, room):
    control.post("Faults", kind="status", status=429, count=1)
    answer = api.post(f"{room}/Messages")

    assert answer.status_code == 429
    assert answer.json() == {
        "code": 20429,
        "message": "Too Many Requests",
        "more_info": "https://www.twilio.com/docs/errors/20429",
        "status": 429,
    }
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Twilio-Request-Id"].startswith("RQ")
    assert api.post(f"{room}/Messages").status_code == 201


@pytest.mark.parametrize(("status", "code"), [(500, 20500), (502, 20502), (503, 20503), (504, 20504)])
def test_a_server_error_stores_nothing(api, control, room, status, code):
    control.post("Faults", kind="status", status=status, method="POST")
    answer = api.post(f"{room}/Messages")

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert bodies(api, room) == []


def test_the_official_client_raises_its_own_exception(api, control, room):
    client = Client(ACCOUNT_SID, AUTH_TOKEN)
    client.conversations.base_url = api.url
    control.post("Faults", kind="status", status=429)
    with pytest.raises(TwilioRestException) as refused:
        client.conversations.v1.conversations.create()

    assert (refused.value.status, refused.value.code) == (429, 20429)


def test_where_and_how_often_is_asked_for(api, control, room):
    fault = control.post("Faults", kind="status", method="POST", path="*/Messages", skip=1, count=2)
    statuses = [api.post(f"{room}/Messages").status_code for _ in range(4)]

    assert statuses == [201, 503, 503, 201]
    assert api.post("Conversations").status_code == 201
    [shown] = control.get("Faults")["faults"]
    assert (shown["id"], shown["matched"], shown["struck"]) == (fault["id"], 3, 2)


def test_a_rate_is_spread_evenly(api, control, room):
    control.post("Faults", kind="status", rate=0.25)
    statuses = [api.get(room).status_code for _ in range(8)]

    assert statuses == [200, 200, 200, 503] * 2


def test_a_fault_is_taken_back(api, control, room):
    first = control.post("Faults", kind="status")["id"]
    control.post("Faults", kind="status", path="/v1/Services*")
    control.delete(f"Faults/{first}")
    assert api.get(room).status_code == 200
    assert api.get("Services").status_code == 503

    control.delete("Faults")
    assert api.get("Services").status_code == 200
    assert control.request("DELETE", f"Faults/{first}").status_code == 404


def test_a_latency_makes_an_answer_late_and_nothing_else(api, control, room):
    control.post("Faults", kind="latency", seconds=0.05, path="*/Messages")
    answer = api.post(f"{room}/Messages", Body="late")

    assert answer.status_code == 201
    assert answer.elapsed.total_seconds() >= 0.05
    assert bodies(api, room) == ["late"]


@pytest.mark.parametrize(("kind", "stored"), [("drop_before", []), ("drop_after", ["sent"])])
def test_a_connection_is_dropped_before_or_after_the_commit(api, control, room, kind, stored):
    control.post("Faults", kind=kind, count=1, method="POST")
    with pytest.raises(requests.ConnectionError):
        api.post(f"{room}/Messages", Body="sent")

    assert bodies(api, room) == stored


def test_a_lost_answer_is_waited_for_in_vain(api, control, room):
    control.post("Faults", kind="lose_answer", seconds=60, count=1, method="POST")
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (ACCOUNT_SID, AUTH_TOKEN)
        with pytest.raises(requests.Timeout):
            session.post(f"{api.url}/v1/{room}/Messages", data={"Body": "sent"}, timeout=0.5)

    assert bodies(api, room) == ["sent"]


def test_a_lost_answer_ends_in_a_connection_that_is_broken_off(api, control, room):
    control.post("Faults", kind="lose_answer", seconds=0.05, count=1)
    with pytest.raises(requests.ConnectionError):
        api.post(f"{room}/Messages", Body="sent")

    assert bodies(api, room) == ["sent"]


def test_the_control_api_itself_never_fails(control):
    control.post("Faults", kind="drop_before")

    assert len(control.get("Faults")["faults"]) == 1


def test_over_tls_a_connection_is_dropped_too(serve, tmp_path, monkeypatch):
    server = serve(control=True, intercept=True)
    port = server.output.partition("Intercepting at http://127.0.0.1:")[2].partition(":")[0]
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "parlour.db.authority" / "ca.pem"))
    http = TwilioHttpClient(proxy={"https": f"http://127.0.0.1:{port}"})
    client = Client(ACCOUNT_SID, AUTH_TOKEN, http_client=http)
    with server.api() as api:
        fault = {"kind": "drop_after", "count": 1}
        assert api.request("POST", f"{server.url}/parlour/v1/Faults", json=fault).status_code == 201
    with pytest.raises(requests.ConnectionError):
        client.conversations.v1.conversations.create()

    assert len(client.conversations.v1.conversations.list()) == 1
    http.session.close()
