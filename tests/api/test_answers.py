"""What every answer has, whatever it says."""

import re

import pytest

from tests.servers import Api

pytestmark = pytest.mark.both_engines

REFUSALS = {
    "bad parameter": (400, 50000),
    "bad query": (400, 20001),
    "no credentials": (401, 20003),
    "missing": (404, 20404),
    "no such path": (404, 20404),
    "outside the API": (404, 20404),
    "no such method": (405, 20004),
    "in conflict": (409, 20409),
    "too large": (413, 20413),
    "fault": (500, 20500),
    "no storage": (503, 20503),
}
SUCCESSES = {
    "list": 200,
    "fetch": 200,
    "create": 201,
    "update": 200,
    "health": 200,
    "readiness": 200,
    "description": 200,
}


@pytest.fixture
def anyone(running):
    """A caller without credentials."""
    with Api(running.url) as anyone:
        anyone.session.auth = None
        yield anyone


@pytest.fixture
def lobby(api):
    """A conversation in the default service."""
    return api.post("Conversations").json()


@pytest.fixture
def answers(api, anyone, lobby, room, damage):
    """One answer of every kind, by the kind's name."""
    default = f"Services/{lobby['chat_service_sid']}"
    return {
        "list": api.get("Services"),
        "fetch": api.get(room),
        "create": api.post(f"{room}/Messages"),
        "update": api.post(room, FriendlyName="Lobby"),
        "delete": api.delete(room),
        "preflight": anyone.request("OPTIONS", default),
        "health": api.get("/healthz"),
        "readiness": api.get("/readyz"),
        "description": api.get("/openapi.json"),
        "bad parameter": api.post("Services", FriendlyName=""),
        "bad query": api.get("Services", PageSize=0),
        "no credentials": anyone.get("Services"),
        "missing": api.get(room),
        "no such path": api.get("nonsense"),
        "outside the API": api.get("/nonsense"),
        "no such method": api.request("PUT", "Services"),
        "in conflict": api.delete(default),
        "too large": api.post("Services", FriendlyName="x" * 300_000),
        "fault": damage("UPDATE services SET date_created = 1000000000000000") or api.get("Services"),
        "no storage": damage("ALTER TABLE messages RENAME TO gone") or api.get(lobby["links"]["messages"]),
    }


@pytest.fixture
def damage(running, own_server):
    """Does to the database what no request can."""

    def damage(statement):
        running.in_database(lambda tx: tx.execute(statement))

    return damage


def test_every_success_has_its_status_and_a_body_of_json(answers):
    for kind, status in SUCCESSES.items():
        assert answers[kind].status_code == status, kind
        assert answers[kind].headers["Content-Type"] == "application/json", kind
        assert isinstance(answers[kind].json(), dict), kind


def test_every_refusal_has_its_status_and_its_code_in_the_same_envelope(answers):
    for kind, (status, code) in REFUSALS.items():
        answer = answers[kind]
        message = answer.json()["message"]
        assert answer.status_code == status, kind
        assert answer.headers["Content-Type"] == "application/json", kind
        assert list(answer.json().items()) == [
            ("code", code),
            ("message", message),
            ("more_info", f"https://www.twilio.com/docs/errors/{code}"),
            ("status", status),
        ], kind
        assert isinstance(message, str), kind
        assert message, kind


def test_what_goes_wrong_in_the_server_is_told_in_no_more_than_two_or_three_words(answers):
    assert answers["fault"].json()["message"] == "Internal Server Error"
    assert answers["no storage"].json()["message"] == "Service unavailable"


def test_every_answer_can_be_told_from_all_others_and_was_measured(answers):
    for kind, answer in answers.items():
        assert re.fullmatch(r"RQ[0-9a-f]{32}", answer.headers["Twilio-Request-Id"]), kind
        assert re.fullmatch(r"\d+\.\d{3}", answer.headers["Twilio-Request-Duration"]), kind
        assert answer.headers["Twilio-Concurrent-Requests"] == "1", kind
    assert len({answer.headers["Twilio-Request-Id"] for answer in answers.values()}) == len(answers)


def test_every_answer_may_be_read_by_a_browser(answers):
    for kind, answer in answers.items():
        headers = answer.headers
        assert headers["Access-Control-Allow-Origin"] == "*", kind
        assert headers["Access-Control-Allow-Credentials"] == "true", kind
        assert headers["Access-Control-Allow-Methods"] == "GET, POST, DELETE, OPTIONS", kind
        allowed = headers["Access-Control-Allow-Headers"].split(", ")
        assert {"Accept", "Authorization", "Content-Type", "X-Twilio-Webhook-Enabled"} <= set(allowed), kind
        assert {"ETag", "Twilio-Request-Id"} <= set(headers["Access-Control-Expose-Headers"].split(", ")), (
            kind
        )
        assert headers["X-Shenanigans"] == "none", kind


def test_after_a_delete_there_is_nothing_to_say(answers):
    answer = answers["delete"]

    assert answer.status_code == 204
    assert answer.content == b""
    assert "Content-Type" not in answer.headers
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "{room}"),
        ("PATCH", "{room}"),
        ("DELETE", "{room}/Messages"),
        ("PUT", "{room}/Participants"),
        ("DELETE", "Conversations"),
        ("POST", "{service}"),
        ("POST", "/healthz"),
        ("DELETE", "/openapi.json"),
    ],
)
def test_a_method_that_a_path_does_not_have_is_not_allowed(api, service, room, method, path):
    answer = api.request(method, path.format(service=service, room=room))

    assert answer.status_code == 405
    assert answer.json()["code"] == 20004
    assert answer.json()["message"] == "Method not allowed"
    assert method not in answer.headers["Allow"].split(", ")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("Services", {"GET", "POST"}),
        ("{service}", {"GET", "DELETE"}),
        ("{room}", {"GET", "POST", "DELETE"}),
        ("{room}/Messages", {"GET", "POST"}),
        ("/readyz", {"GET"}),
    ],
)
def test_the_methods_that_a_path_has_are_named(api, service, room, path, methods):
    answer = api.request("PUT", path.format(service=service, room=room))

    assert set(answer.headers["Allow"].split(", ")) - {"OPTIONS"} == methods


@pytest.mark.parametrize(
    "path",
    ["/v1/nonsense", "/nonsense", "/", "/v1/Services/IS1/Nonsense", "/v1/Conversations/CH1/Messages/1/2"],
)
def test_a_path_that_leads_nowhere_is_not_found(api, path):
    answer = api.get(path)

    assert answer.status_code == 404
    assert answer.json()["code"] == 20404
    assert answer.json()["message"] == f"The requested resource {path.removeprefix('/v1')} was not found"


def test_a_query_is_no_part_of_the_path_that_was_not_found(api):
    answer = api.get("Conversations/nowhere/Messages", PageSize=5)

    assert answer.json()["message"] == "The requested resource /Conversations/nowhere/Messages was not found"


def test_who_has_no_credentials_is_asked_for_them(anyone):
    answer = anyone.get("Services")

    assert answer.status_code == 401
    assert answer.json()["code"] == 20003
    assert answer.json()["message"] == "Authenticate"
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
def test_what_is_asked_about_the_server_needs_no_credentials(anyone, path):
    answer = anyone.get(path)

    assert answer.status_code == 200
    assert "WWW-Authenticate" not in answer.headers


def test_the_server_is_alive_and_ready(anyone):
    for path in ("/healthz", "/readyz"):
        assert anyone.get(path).json() == {"status": "ok"}


def test_the_description_names_every_path_of_what_is_served(anyone, running):
    description = anyone.get("/openapi.json").json()

    assert description["openapi"].startswith("3.")
    assert description["servers"] == [{"url": running.url}]
    assert set(description["paths"]["/v1/Services/{Sid}"]) == {"get", "delete"}
    assert set(description["paths"]["/v1/Conversations/{Sid}"]) == {"get", "post", "delete"}
    below = "/v1/Services/{ChatServiceSid}/Conversations/{ConversationSid}/Messages/{MessageSid}/Receipts"
    assert set(description["paths"][below]) == {"get"}


def test_a_browser_may_ask_first_without_credentials(anyone):
    answer = anyone.request("OPTIONS", "Services")

    assert answer.status_code in (200, 204)
    assert answer.content == b""
