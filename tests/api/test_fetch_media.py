"""GET …/Media/{Sid} and its content: what is told of a file, and the file itself, whole and in parts."""

import random
import socket
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests

from tests.files import PNG, files_in, upload
from tests.servers import ACCOUNT_SID, AUTH_TOKEN

pytestmark = pytest.mark.both_engines

TEXT = bytes(range(48, 123)) * 4_000


@pytest.fixture
def media(api, service):
    return upload(api, service, TEXT, "text/plain", Filename="a.txt").json()


@pytest.fixture
def content(media, running):
    return running.url + media["links"]["content"]


def test_a_fetch_tells_what_the_upload_told_and_gives_a_link(api, media, running):
    fetched = api.get(running.url + media["url"])

    assert fetched.status_code == 200
    link = fetched.json()["links"].pop("content_direct_temporary")
    assert link.startswith(f"{running.url}{media['links']['content']}?")
    assert fetched.json() | {"links": media["links"]} == media


def test_the_link_works_without_credentials_for_five_minutes(api, media, running, clock):
    link = api.get(running.url + media["url"]).json()["links"]["content_direct_temporary"]

    clock.advance(seconds=300)
    assert requests.get(link, timeout=60).content == TEXT
    clock.advance(seconds=1)
    late = requests.get(link, timeout=60)
    assert (late.status_code, late.json()["code"]) == (403, 20403)


def test_a_link_that_was_changed_does_not_work(api, service, media, running):
    link = api.get(running.url + media["url"]).json()["links"]["content_direct_temporary"]
    [expires], [signature] = parse_qs(urlsplit(link).query).values()
    other = upload(api, service).json()

    for changed in (
        link.replace(expires, str(int(expires) + 1)),
        link.replace(f"Expires={expires}", ""),
        link.replace(signature, "0" * 64),
        link.replace(signature, "é"),
        link.replace(media["sid"], other["sid"]),
    ):
        assert requests.get(changed, timeout=60).status_code == 403
    assert requests.get(link.partition("?")[0], timeout=60).status_code == 401


def test_the_whole_file_comes_with_its_length_type_and_tag(api, content):
    answer = api.get(content)

    assert (answer.status_code, answer.content) == (200, TEXT)
    assert answer.headers["Content-Length"] == str(len(TEXT))
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    again = api.request("GET", content, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [
        ("*", 304),
        ('"other", {tag}', 304),
        ("W/{tag}", 304),
        ('"other"', 200),
        ('"{tag}x"', 200),
        ('"*"', 200),
        ("{bare}", 200),
        ("", 200),
    ],
)
def test_if_none_match_is_read_as_http_says(api, content, if_none_match, status):
    tag = api.get(content).headers["ETag"]
    asked = if_none_match.format(tag=tag, bare=tag.strip('"'))

    assert api.request("GET", content, headers={"If-None-Match": asked}).status_code == status


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=299990-", 299_990, 300_000),
        ("bytes=-7", 299_993, 300_000),
        ("bytes=0-", 0, 300_000),
        ("bytes=5-999999999", 5, 300_000),
        ("bytes=-999999999", 0, 300_000),
        ("bytes=100-290000", 100, 290_001),
    ],
)
def test_a_range_is_that_part(api, content, asked, first, end):
    answer = api.request("GET", content, headers={"Range": asked})

    assert (answer.status_code, answer.content) == (206, TEXT[first:end])
    assert answer.headers["Content-Range"] == f"bytes {first}-{end - 1}/300000"
    assert answer.headers["Content-Length"] == str(end - first)


@pytest.mark.parametrize("asked", ["bytes=300000-", "bytes=300000-300001", "bytes=-0"])
def test_a_range_beyond_the_end_is_416(api, content, asked):
    answer = api.request("GET", content, headers={"Range": asked})

    assert (answer.status_code, answer.json()["code"]) == (416, 20001)


@pytest.mark.parametrize("asked", ["bytes=-", "bytes=9-3", "bytes=0-1,5-6", "lines=1-2", "nonsense", ""])
def test_what_is_no_single_range_gets_the_whole(api, content, asked):
    assert api.request("GET", content, headers={"Range": asked}).content == TEXT


def test_if_range_asks_for_the_whole_when_it_is_another_file(api, content):
    tag = api.get(content).headers["ETag"]

    for given, status in ((tag, 206), ('"other"', 200)):
        headers = {"Range": "bytes=0-4", "If-Range": given}
        assert api.request("GET", content, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("name", "plain", "full"),
    [
        ("pixel.png", "pixel.png", "pixel.png"),
        ("../../etc/passwd", "passwd", "passwd"),
        ("C:\\Windows\\a.exe", "a.exe", "a.exe"),
        ('a"b;c.png', "a_b_c.png", 'a"b;c.png'),
        ("a\r\nSet-Cookie: x=1", "aSet-Cookie_ x_1", "aSet-Cookie: x=1"),
        ("kätzchen 😀.png", "k_tzchen _.png", "kätzchen 😀.png"),
        ("a\u202egnp.exe", "agnp.exe", "agnp.exe"),
    ],
)
def test_names_are_kept_to_the_letter_and_harmless_where_they_are_used(
    api, service, running, name, plain, full
):
    media = upload(api, service, Filename=name).json()
    answer = api.get(running.url + media["links"]["content"])

    assert media["filename"] == name
    assert answer.headers["Content-Disposition"] == (
        f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(full, safe='')}"
    )
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", ["..", "/", "\u0001", "a/.."])
def test_a_name_of_which_nothing_is_left_is_left_out(api, service, running, name):
    media = upload(api, service, Filename=name).json()

    assert api.get(running.url + media["links"]["content"]).headers["Content-Disposition"] == "inline"


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html",
        "TEXT/HTML; charset=utf-8",
        "image/svg+xml",
        "application/xhtml+xml",
        "text/xml",
        "application/javascript",
        "text/javascript",
        "text/ecmascript",
        "text/css",
        "text/javascript1.5",
        "application/wasm",
        "video/a+b+xml",
        "image/a+xml+x",
        "multipart/x-mixed-replace; boundary=x",
        "message/rfc822",
    ],
)
def test_active_content_is_bytes_to_be_saved(api, service, running, content_type):
    media = upload(api, service, b"<script>alert(1)</script>", content_type, Filename="a").json()
    answer = api.get(running.url + media["links"]["content"])

    assert media["content_type"] == content_type
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize("content_type", ["application/pdf", "application/zip", "x/unknown"])
def test_what_is_neither_active_nor_known_to_be_harmless_is_saved(api, service, running, content_type):
    media = upload(api, service, b"x", content_type).json()
    answer = api.get(running.url + media["links"]["content"])

    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["Content-Disposition"] == "attachment"


def test_a_client_that_reads_slowly_gets_each_byte_once(api, service, running):
    data = random.Random(1).randbytes(8 * 1_048_576)
    path = upload(api, service, data).json()["links"]["content"]
    head = requests.Request("GET", running.url, auth=(ACCOUNT_SID, AUTH_TOKEN)).prepare().headers
    with socket.socket() as connection:
        # So small that the server's own buffers fill.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        host, _, port = urlsplit(running.url).netloc.partition(":")
        connection.connect((host, int(port)))
        lines = f"Host: x\r\nConnection: close\r\nAuthorization: {head['Authorization']}"
        connection.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n\r\n".encode())
        received = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert received.partition(b"\r\n\r\n")[2] == data


def test_a_file_that_was_changed_on_the_disk_never_arrives_whole(api, content, running):
    [file] = files_in(running.folder)
    file.write_bytes(TEXT[:-1] + b"!")

    with pytest.raises(requests.RequestException):
        api.get(content)


def test_a_file_that_is_gone_from_the_disk_is_503(api, content, running):
    [file] = files_in(running.folder)
    file.unlink()

    answer = api.get(content)
    assert (answer.status_code, answer.json()["code"]) == (503, 20503)


def test_media_are_deleted_once_and_gone_at_once(api, media, content, running):
    url = running.url + media["url"]
    link = api.get(url).json()["links"]["content_direct_temporary"]

    assert api.delete(url).status_code == 204
    assert api.delete(url).status_code == api.get(url).status_code == api.get(content).status_code == 404
    assert requests.get(link, timeout=60).status_code == 404


def test_nobody_else_sees_them_and_no_other_service_has_them(api, stranger, media, running):
    other = api.post("Services", FriendlyName="Other").json()["sid"]
    elsewhere = media["url"].replace(media["service_sid"], other)

    for caller, path in ((stranger, media["url"]), (api, elsewhere), (api, media["url"][:-1] + "z")):
        for end in ("", "/Content"):
            assert caller.get(running.url + path + end).status_code == 404
        assert caller.delete(running.url + path).status_code == 404


def test_a_set_gives_many_at_once(api, service, media):
    other = upload(api, service, PNG).json()
    missing = "ME" + "f" * 32
    asked = [{"media_sid": sid} for sid in (media["sid"], missing, other["sid"])]
    answer = api.request("POST", f"{service}/MediaSet", json={"command": "get", "list": asked})

    assert answer.status_code == 200
    assert [each["code"] for each in answer.json()] == [200, 404, 200]
    assert [each["media_record"] and each["media_record"]["sid"] for each in answer.json()] == [
        media["sid"],
        None,
        other["sid"],
    ]
    assert "content_direct_temporary" in answer.json()[0]["media_record"]["links"]


@pytest.mark.parametrize(
    "body", [{}, [], {"command": "put", "list": []}, {"command": "get", "list": [{"media_sid": "x"}] * 101}]
)
def test_a_set_that_cannot_be_meant_is_refused(api, service, body):
    answer = api.request("POST", f"{service}/MediaSet", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
