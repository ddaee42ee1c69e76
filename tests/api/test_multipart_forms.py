"""Forms as twilio-node 3.37 to 3.39 sends them: `multipart/form-data` in place of the usual encoding."""

import time

import pytest

from tests.api.test_bad_input import refusal, stored

BOUNDARY = "--------------------------338451689880319092657733"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
AWKWARD = "Grüße ☕ a&b=c%20+\r\n--" + BOUNDARY[:-1] + '\r\n"\\'


def part(name, value, more=""):
    disposition = b'Content-Disposition: form-data; name="' + as_bytes(name) + b'"' + as_bytes(more)
    return b"--" + BOUNDARY.encode() + b"\r\n" + disposition + b"\r\n\r\n" + as_bytes(value) + b"\r\n"


def as_bytes(text):
    return text.encode() if isinstance(text, str) else text


def form(*parts):
    return b"".join(parts) + b"--" + BOUNDARY.encode() + b"--\r\n"


def send(api, path, body, **headers):
    return api.request("POST", path, data=body, headers=MULTIPART | headers)


@pytest.mark.core
def test_a_multipart_form_does_what_a_plain_one_does(api, room):
    sent = {"Body": AWKWARD, "Author": "älice", "Attributes": '{"a": "ü"}', "Subject": ""}
    messages = [
        api.post(f"{room}/Messages", sent).json(),
        send(api, f"{room}/Messages", form(*(part(*each) for each in sent.items()))).json(),
    ]
    fields = ("body", "author", "attributes")

    assert messages[1]["body"] == AWKWARD
    assert [messages[1][name] for name in fields] == [messages[0][name] for name in fields]
    edited = send(api, messages[1]["url"], form(part("Body", "edited"))).json()
    assert (edited["body"], edited["sid"]) == ("edited", messages[1]["sid"])


def test_a_repeated_part_is_a_list_or_its_last_counts(api, room):
    events = ("onMessageAdded", "onMessageUpdated")
    parts = [part("Configuration.Filters", each) for each in events]
    webhook = send(
        api,
        f"{room}/Webhooks",
        form(part("Target", "webhook"), part("Configuration.Url", "https://example.com/"), *parts),
    ).json()
    message = send(api, f"{room}/Messages", form(part("Body", "a"), part("Body", "b"))).json()

    assert webhook["configuration"]["filters"] == list(events)
    assert message["body"] == "b"


@pytest.mark.parametrize("body", [b"", form()])
def test_a_form_without_parts_is_empty(api, room, body):
    answer = send(api, f"{room}/Messages", body)

    assert (answer.status_code, answer.json()["body"]) == (201, None)


def test_the_type_of_a_part_and_what_surrounds_the_form_do_not_matter(api, room):
    typed = part("Attributes", '{"a":1}', "\r\nContent-Type: application/json")
    quoted = {"Content-Type": f'Multipart/Form-Data; charset=utf-8; boundary="{BOUNDARY}"'}
    answer = send(api, f"{room}/Messages", b"before\r\n" + form(typed) + b"after", **quoted)

    assert answer.json()["attributes"] == '{"a":1}'


def test_the_same_key_and_content_are_done_once_in_either_encoding(api, room):
    key = {"Idempotency-Key": "a"}
    first = send(api, f"{room}/Messages", form(part("Body", "Hi"), part("Author", "alice")), **key)
    second = api.request("POST", f"{room}/Messages", data={"Author": "alice", "Body": "Hi"}, headers=key)
    other = send(api, f"{room}/Messages", form(part("Body", "Other")), **key)

    assert second.content == first.content
    assert refusal(other) == (422, 20422)
    assert len(stored(api, room)) == 1


WHOLE = form(part("Body", "Hello"))
REFUSED = {
    "no end": WHOLE.rpartition(b"--" + BOUNDARY.encode())[0],
    "cut off in a header": WHOLE[: WHOLE.index(b"name=")],
    "another boundary": WHOLE.replace(BOUNDARY.encode(), b"other"),
    "no headers": form(b"--" + BOUNDARY.encode() + b"\r\n\r\nHello\r\n"),
    "no name": WHOLE.replace(b'; name="Body"', b""),
    "another transfer encoding": form(part("Body", "SGk=", "\r\nContent-Transfer-Encoding: base64")),
    "long headers": form(part("Body" + "y" * 9_000, "Hello")),
    "a file": form(part("Body", "Hello", '; filename="hello.txt"')),
    "a value that is not UTF-8": form(part("Body", b"\xff")),
    "half of a surrogate pair": form(part("Body", b"\xed\xa0\x80")),
    "a name that is not UTF-8": form(part(b"\xff", "Hello")),
    "a NUL": form(part("Body", "a\0b")),
    "a NUL in a name": form(part("a\0b", "Hello")),
    "too many parts": form(*[part("a", "")] * 1_001),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_a_form_that_is_refused(api, room, body):
    assert refusal(send(api, f"{room}/Messages", body)) == (400, 20001)
    assert stored(api, room) == []


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=" + "x" * 71, "; boundary=ü"])
def test_a_boundary_that_is_none(api, room, boundary):
    headers = {"Content-Type": f"multipart/form-data{boundary}".encode()}

    assert refusal(send(api, f"{room}/Messages", WHOLE, **headers)) == (400, 20001)
    assert stored(api, room) == []


def test_limits_are_those_of_other_forms(api, room):
    assert refusal(send(api, f"{room}/Messages", form(part("Body", "x" * 262_144)))) == (413, 20413)
    assert refusal(send(api, f"{room}/Messages", form(part("Body", "x" * 1_601)))) == (400, 50504)
    assert len(send(api, f"{room}/Messages", form(*[part("a", "")] * 1_000)).json()["sid"]) == 34


def test_awkward_headers_of_parts_are_read_in_no_time(api, room):
    awkward = form(*[part(";" * 8_000, "")] * 31)
    started = time.perf_counter()
    answers = [send(api, f"{room}/Messages", awkward) for _ in range(3)]

    assert [each.status_code for each in answers] == [201] * 3
    # A parser of another kind takes four seconds for each of them, and other requests wait meanwhile.
    assert time.perf_counter() - started < 3


def test_resources_that_take_json_take_no_form(api):
    assert refusal(send(api, "Content", form(part("language", "en")))) == (400, 20001)
