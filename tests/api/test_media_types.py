"""The types of files: what is none is refused, and what browsers could run is served as bytes."""

import pytest

from tests.files import PNG, files_in, upload

pytestmark = pytest.mark.both_engines

NO_MEDIA_TYPES = [
    *(b"nonsense", b"text/", b"/plain", b"a/b/c", b"image/*", b"text/pl\xe9in", b"text/plain\tx"),
    *(b"text/plain;,text/html", b"text/plain, text/html", b"text/plain;charset=utf-8;text/html"),
    *(b"text/plain (text/html)", b'text/plain; charset="utf-8', b"text/plain; a=1; a=2"),
]


def is_refused(answer, running):
    nothing = running.in_database(lambda tx: tx.select("SELECT sid FROM media")) == []
    assert (answer.status_code, answer.json()["code"]) == (400, 50511)
    assert answer.json()["message"] == "Invalid message media content type"
    return nothing and files_in(running.folder) == []


def test_what_is_no_media_type_is_refused(api, service, running):
    for each in NO_MEDIA_TYPES:
        assert is_refused(upload(api, service, PNG, each), running)


def test_a_forms_file_needs_a_media_type_too(api, service, running):
    start = b'--b\r\nContent-Disposition: form-data; name="media"; filename="a"\r\nContent-Type: '
    for each in (*NO_MEDIA_TYPES, b"text/pl\xffin"):
        form = start + each + b"\r\n\r\nx\r\n--b--\r\n"
        assert is_refused(upload(api, service, form, "multipart/form-data; boundary=b"), running)


@pytest.mark.parametrize(
    ("stored", "served"),
    [
        ("text/plain;,text/html", ("application/octet-stream", "attachment")),
        ("text/plain\r\nX-Header: x", ("application/octet-stream", "attachment")),
        ("image/png, text/html", ("application/octet-stream", "attachment")),
        ("", ("application/octet-stream", "attachment")),
        ('TEXT/Plain ;Charset="utf-8"', ("text/plain; charset=utf-8", "inline")),
        ("audio/x-y", ("audio/x-y", "attachment")),
    ],
)
def test_what_was_stored_before_is_served_by_the_same_rules(api, service, running, stored, served):
    media = upload(api, service).json()
    change = "UPDATE media SET content_type = ? WHERE sid = ?"
    running.in_database(lambda tx: tx.execute(change, stored, media["sid"]))
    answer = api.get(running.url + media["links"]["content"])

    assert (answer.status_code, answer.content) == (200, PNG)
    assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"]) == served
    assert "X-Header" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
