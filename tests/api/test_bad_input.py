"""What is refused, how it is told, and that nothing of it is stored."""

import base64

import pytest

from tests.servers import ACCOUNT_SID, AUTH_TOKEN, Api

UNKNOWN = "0123456789abcdef" * 2
BAD_TOKEN = "PageToken: is not one of this list's tokens"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def refusal(answer):
    """The status and code of a refusal, whose envelope has no more and no less than it should."""
    error = answer.json()
    assert error == {
        "code": error["code"],
        "message": error["message"],
        "more_info": f"https://www.twilio.com/docs/errors/{error['code']}",
        "status": answer.status_code,
    }
    return answer.status_code, error["code"]


def stored(api, room):
    return api.get(f"{room}/Messages").json()["messages"]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Body": "x" * 1_601}, 50504),
        ({"Body": "😀" * 1_601}, 50504),
        ({"Subject": "s" * 257}, 20001),
        ({"Attributes": "{"}, 50304),
        ({"Attributes": "{'a': 1}"}, 50304),
        ({"Attributes": "NaN"}, 50304),
        ({"Attributes": "[" * 4_000}, 50304),
        ({"Attributes": '"' + "x" * 4_095 + '"'}, 50303),
        ({"Attributes": '"' + "ü" * 2_048 + '"'}, 50303),
        ({"Author": "a" * 257}, 50310),
        ({"DateCreated": "yesterday"}, 50308),
        ({"DateCreated": "2015-12-16"}, 50308),
        ({"DateCreated": ""}, 50308),
        ({"DateCreated": "2015-02-30T00:00:00Z"}, 50308),
        ({"DateCreated": "0001-01-01T00:00:00+01:00"}, 50308),
        ({"DateUpdated": "9999-12-31T23:59:59-01:00"}, 50309),
        ({"MediaSid": "ME123"}, 50510),
        ({"MediaSid": f"IM{UNKNOWN}"}, 50510),
        ({"MediaSid": f"ME{UNKNOWN}"}, 50507),
        ({"ContentSid": "HX123"}, 50526),
        ({"ContentVariables": '{"name": "John"}'}, 50528),
        ({"ContentSid": f"HX{UNKNOWN}", "ContentVariables": "[]"}, 50527),
        ({"ContentSid": f"HX{UNKNOWN}", "ContentVariables": "{"}, 50527),
        ({"ContentSid": f"HX{UNKNOWN}", "ContentVariables": "x" * 27_802}, 50527),
        ({"ContentSid": f"HX{UNKNOWN}", "ContentVariables": '{"%s": "v"}' % ("k" * 17)}, 50540),
        ({"ContentSid": f"HX{UNKNOWN}", "ContentVariables": '{"k": "%s"}' % ("v" * 257)}, 50541),
    ],
)
def test_a_parameter_that_is_refused(api, room, form, code):
    assert refusal(api.post(f"{room}/Messages", form)) == (400, code)
    assert stored(api, room) == []


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"MediaSid": "ME123"}, "Invalid message media SID"),
        ({"ContentSid": "HX123"}, "Invalid content SID"),
        ({"ContentVariables": "{}"}, "Content SID is missing"),
        ({"ContentSid": f"HX{UNKNOWN}", "ContentVariables": "[]"}, "Invalid content variables format"),
        (
            {"ContentSid": f"HX{UNKNOWN}", "ContentVariables": '{"k": "%s"}' % ("v" * 30_000)},
            "Content variables are too long",
        ),
        (
            {"ContentSid": f"HX{UNKNOWN}", "ContentVariables": '{"%s": "v"}' % ("k" * 17)},
            "Content variable key is too long",
        ),
        (
            {"ContentSid": f"HX{UNKNOWN}", "ContentVariables": '{"k": "%s"}' % ("v" * 257)},
            "Content variable value is too long",
        ),
    ],
)
def test_a_refusal_has_the_text_of_the_originals_dictionary(api, room, form, text):
    assert api.post(f"{room}/Messages", form).json()["message"] == text


@pytest.mark.parametrize("name", ["Body", "Attributes", "Author", "DateUpdated", "Subject"])
def test_an_update_is_refused_as_a_creation_is_and_changes_nothing(api, room, name):
    values = {"Body": "x" * 1_601, "Attributes": "{", "Author": "a" * 257, "DateUpdated": "now"}
    message = api.post(f"{room}/Messages", Body="as it was").json()
    answer = api.post(message["url"], {"Body": "new", name: values.get(name, "s" * 257)})

    assert refusal(answer)[0] == 400
    assert stored(api, room) == [message]


def test_content_that_does_not_exist_is_not_found(api, room):
    answer = api.post(f"{room}/Messages", ContentSid=f"HX{UNKNOWN}")

    assert refusal(answer) == (404, 20404)
    assert stored(api, room) == []


@pytest.mark.parametrize(
    "path",
    [
        "Services/IS123/Conversations/room/Messages",
        f"Services/IS{UNKNOWN}/Conversations/room/Messages",
        "{service}/Conversations/CH123/Messages",
        f"{{service}}/Conversations/CH{UNKNOWN}/Messages",
        "{service}/Conversations/nobody%20there/Messages",
        "{service}/Conversations/%FF/Messages",
        "{service}/Conversations/%00/Messages",
        "Conversations/{room_sid}/Messages",
        "Conversations/room/Messages",
    ],
)
def test_a_path_that_leads_nowhere(api, service, room, path):
    path = path.format(service=service, room_sid=room.rpartition("/")[2])

    for answer in (api.post(path, Body="lost"), api.get(path)):
        assert refusal(answer) == (404, 20404)
        assert answer.json()["message"] == f"The requested resource /{path} was not found"
    assert stored(api, room) == []


@pytest.mark.parametrize("sid", ["IM123", f"IM{UNKNOWN}", "0", f"CH{UNKNOWN}", "%20"])
def test_a_message_that_does_not_exist(api, room, sid):
    path = f"{room}/Messages/{sid}"

    for answer in (api.get(path), api.post(path, Body="new"), api.delete(path)):
        assert refusal(answer) == (404, 20404)
        assert answer.json()["message"] == f"The requested resource /{path} was not found"


def test_a_message_is_found_in_its_own_conversation_only(api, room, service):
    message = api.post(f"{room}/Messages").json()
    elsewhere = api.post(f"{service}/Conversations").json()
    path = f"{service}/Conversations/{elsewhere['sid']}/Messages/{message['sid']}"

    assert refusal(api.get(path)) == (404, 20404)
    assert refusal(api.delete(path)) == (404, 20404)
    assert stored(api, room) == [message]


@pytest.mark.parametrize("size", ["0", "-1", "abc", "1.5", "1e2", "٣"])
def test_a_page_size_that_is_none(api, room, size):
    assert refusal(api.get(f"{room}/Messages", PageSize=size)) == (400, 20001)


@pytest.mark.parametrize(
    "size", ["101", "1000", "999999999", str(2**53 - 1), str(2**63 - 1), str(2**64), "9" * 5_000, "0101"]
)
def test_a_page_size_that_is_too_large_is_clamped(api, room, size):
    meta = api.get(f"{room}/Messages", PageSize=size).json()["meta"]

    assert meta["page_size"] == 100
    assert "PageSize=100" in meta["url"]


@pytest.mark.parametrize("size", ["0", "0" * 5_000, "-9223372036854775808", "+1", " 1"])
def test_a_page_size_under_one_is_refused_in_any_form(api, room, size):
    assert refusal(api.get(f"{room}/Messages", PageSize=size)) == (400, 20001)


@pytest.mark.parametrize(
    ("page", "shown", "following"),
    [
        ("7", 7, 8),
        ("007", 7, 8),
        ("1000000000", 10**9, 10**9 + 1),
        (str(2**63 - 2), 2**63 - 2, 2**63 - 1),
        (str(2**63 - 1), 2**63 - 1, 2**63 - 1),
        (str(2**63), 2**63 - 1, 2**63 - 1),
        ("9" * 5_000, 2**63 - 1, 2**63 - 1),
    ],
)
def test_a_page_of_any_number_is_repeated_as_far_as_clients_can_read_it(api, room, page, shown, following):
    for body in "abc":
        api.post(f"{room}/Messages", Body=body)
    answer = api.get(f"{room}/Messages", Page=page, PageSize=1).json()
    last = api.get(answer["meta"]["next_page_url"]).json()

    assert (answer["meta"]["page"], last["meta"]["page"]) == (shown, following)
    assert answer["meta"]["url"].endswith(f"?PageSize=1&Page={shown}")
    assert f"&Page={following}&" in answer["meta"]["next_page_url"]
    assert [each["body"] for each in answer["messages"] + last["messages"]] == ["a", "b"]


@pytest.mark.parametrize(
    "token",
    [
        *("PT", "PTx", "XX5", "PT5.0", "pt5", "PT5_", f"PT5_CH{UNKNOWN}", "PT" + "9" * 19, "5", "🙂"),
        *("PT-1", "PB-1", "PT-0", "PT--1"),
    ],
)
def test_a_damaged_page_token(api, room, token):
    answer = api.get(f"{room}/Messages", PageToken=token)

    assert refusal(answer) == (400, 20001)
    assert BAD_TOKEN in answer.json()["message"]


def test_an_order_that_is_none(api, room):
    assert refusal(api.get(f"{room}/Messages", Order="up")) == (400, 20001)


@pytest.mark.parametrize(
    "body", [b"Body=%FF", b"Body=\xff", b"%FF=1", b"Body=%ED%A0%80", b"Body=ok&Author=%C3"]
)
def test_a_form_that_is_not_utf_8(api, room, body):
    assert refusal(api.request("POST", f"{room}/Messages", data=body, headers=FORM)) == (400, 20001)
    assert stored(api, room) == []


@pytest.mark.parametrize("body", [b"Body=a%00b", b"Body=a\x00b", b"%00=1", b"Body=a&Body=%00"])
def test_a_form_with_a_nul(api, room, body):
    assert refusal(api.request("POST", f"{room}/Messages", data=body, headers=FORM)) == (400, 20001)
    assert stored(api, room) == []


def test_a_body_of_five_megabytes(api, room):
    assert refusal(api.post(f"{room}/Messages", Body="x" * 5_000_000)) == (413, 20413)
    assert stored(api, room) == []


@pytest.mark.parametrize(
    "content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"]
)
def test_something_else_than_a_form(api, room, content_type):
    headers = {"Content-Type": content_type}
    answer = api.request("POST", f"{room}/Messages", data=b'{"Body": "Hello"}', headers=headers)

    assert refusal(answer) == (400, 20001)
    assert stored(api, room) == []


def test_of_duplicate_parameters_each_is_checked_as_the_last(api, room):
    answer = api.post(f"{room}/Messages", [("Body", "fine"), ("Body", "x" * 1_601)])

    assert refusal(answer) == (400, 50504)
    assert stored(api, room) == []


def test_a_closed_conversation_takes_no_message(api, room):
    message = api.post(f"{room}/Messages").json()
    api.post(room, State="closed")

    for answer in (api.post(f"{room}/Messages", Body="late"), api.post(message["url"], Body="late")):
        assert refusal(answer) == (400, 50377)
        assert answer.json()["message"] == "Can't update conversation as it's in final closed state"
    assert stored(api, room) == [message]


def basic(text):
    return "Basic " + base64.b64encode(text).decode()


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic !",
        "Bearer token",
        f"Basic {ACCOUNT_SID}:{AUTH_TOKEN}",
        basic(b""),
        basic(ACCOUNT_SID.encode()),
        basic(f"{ACCOUNT_SID}:".encode()),
        basic(f"{ACCOUNT_SID}:{AUTH_TOKEN} ".encode()),
        basic(f"{ACCOUNT_SID}:{AUTH_TOKEN[:-1]}".encode()),
        basic(f"{ACCOUNT_SID.lower()}:{AUTH_TOKEN}".encode()),
        basic(f"AC{UNKNOWN}:{AUTH_TOKEN}".encode()),
        basic(f"SK{UNKNOWN}:{AUTH_TOKEN}".encode()),
        basic(b"\xff:\xff"),
        basic(b"\0:\0"),
    ],
)
def test_credentials_that_are_wrong_missing_or_malformed(api, running, room, header):
    with Api(running.url) as nobody:
        nobody.session.auth = None
        headers = {} if header is None else {"Authorization": header}
        answers = [
            nobody.request("POST", f"{room}/Messages", data={"Body": "who?"}, headers=headers),
            nobody.request("GET", f"{room}/Messages", headers=headers),
        ]

    for answer in answers:
        assert refusal(answer) == (401, 20003)
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert stored(api, room) == []
