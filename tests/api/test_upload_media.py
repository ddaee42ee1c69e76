"""POST …/Media: files come in, raw and from forms, and nothing is left of one that does not."""

import hashlib
import http.client
import json
import os
import socket
from base64 import b64encode
from urllib.parse import urlsplit

import pytest

from parlour.api.uploads import MAX_FILE_BYTES
from tests.files import PNG, files_in, upload
from tests.servers import ACCOUNT_SID, AUTH_TOKEN


def rows_in(running):
    return running.in_database(lambda tx: tx.select("SELECT sid FROM media"))


def authorization():
    return "Basic " + b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode()


def test_a_raw_upload_is_answered_as_it_was_recorded(api, service):
    answer = upload(api, service, PNG, Filename="pixel.png")
    media = answer.json()

    assert answer.status_code == 201
    path = f"/v1/{service}/Media/{media['sid']}"
    assert media == {
        "sid": media["sid"],
        "service_sid": service.split("/")[1],
        "date_created": "2024-01-01T00:00:00.000000+00:00",
        "date_upload_updated": "2024-01-01T00:00:00.000000+00:00",
        "date_updated": "2024-01-01T00:00:00.000000+00:00",
        "links": {"content": f"{path}/Content"},
        "size": len(PNG),
        "content_type": "image/png",
        "filename": "pixel.png",
        "author": "system",
        "category": "media",
        "message_sid": None,
        "channel_sid": None,
        "url": path,
        "is_multipart_upstream": False,
    }


def test_what_went_up_comes_down(api, service, running):
    media = upload(api, service, PNG).json()
    answer = api.get(running.url + media["links"]["content"])

    assert answer.content == PNG
    assert answer.headers["Content-Type"] == "image/png"
    [file] = files_in(running.folder)
    assert file.read_bytes() == PNG
    [(digest,)] = running.in_database(lambda tx: tx.select("SELECT sha256 FROM media"))
    assert digest == hashlib.sha256(PNG).hexdigest()


def test_a_form_brings_its_file_with_a_name_a_type_and_an_author(api, service, running):
    media = api.request(
        "POST",
        f"{service}/Media",
        files={"media": ("pixel.png", PNG, "image/png")},
        data={"Author": "alice", "Category": "Body"},
    ).json()

    assert (media["filename"], media["content_type"], media["size"]) == ("pixel.png", "image/png", len(PNG))
    assert (media["author"], media["category"]) == ("alice", "body")
    assert api.get(running.url + media["links"]["content"]).content == PNG


def test_a_form_may_put_its_fields_behind_the_file_and_the_query_counts_more(api, service):
    parts = [("media", ("a.png", PNG, "image/png")), ("Author", (None, "bob")), ("Note", (None, "x"))]
    media = api.request("POST", f"{service}/Media", files=parts, params={"Filename": "b.png"}).json()

    assert (media["filename"], media["author"]) == ("b.png", "bob")


def test_every_host_is_answered_and_the_media_services_own_too(api, service):
    for host in ("mcs.us1.twilio.com", "mcs.example.org"):
        answer = api.request(
            "POST", f"{service}/Media", data=PNG, headers={"Host": host, "Content-Type": "image/png"}
        )
        assert answer.status_code == 201


@pytest.mark.parametrize("data", [b"", b"\0", b"x" * 65_536, os.urandom(12 * 1_048_576 + 1)])
def test_files_of_all_sizes_come_back_whole(api, service, running, data):
    media = upload(api, service, data, "application/octet-stream").json()

    assert media["size"] == len(data)
    assert api.get(running.url + media["links"]["content"]).content == data


def test_without_a_type_it_is_bytes_and_without_a_name_it_has_none(api, service):
    answer = api.request("POST", f"{service}/Media", data=PNG)

    assert answer.json()["content_type"] == "application/octet-stream"
    assert answer.json()["filename"] is None


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ({"Category": "nonsense"}, {}, 20001),
        ({"Filename": "x" * 257}, {}, 20001),
        ({"Author": "x" * 257}, {}, 20001),
        ({"Filename": "a\0b"}, {}, 20001),
        ({}, {"Content-Type": "nonsense"}, 50511),
        ({}, {"Content-Type": "image/png\tx"}, 50511),
        ({}, {"Content-Type": "multipart/form-data"}, 20001),
        ({}, {"Content-Type": "multipart/form-data; boundary=x"}, 20001),
        ({}, {"Content-Size": "1"}, 20001),
    ],
)
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(api, service, running, query, headers, code):
    answer = api.request("POST", f"{service}/Media", data=PNG, params=query, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert files_in(running.folder) == rows_in(running) == []


@pytest.mark.parametrize(
    "files",
    [
        [("Author", (None, "alice"))],
        [("media", ("a", b"1")), ("media", ("b", b"2"))],
        [("media", ("a", b"1")), ("Author", (None, b"\xff"))],
        [("media", ("a", b"1")), ("Author", (None, "x" * 5_000))],
    ],
)
def test_a_form_must_hold_one_file_and_short_text(api, service, running, files):
    answer = api.request("POST", f"{service}/Media", files=files)

    assert answer.status_code in (400, 413)
    assert answer.json()["code"] in (20001, 20413)
    assert files_in(running.folder) == rows_in(running) == []


def test_a_form_that_ends_before_its_boundary_is_refused(api, service, running):
    form = b'--b\r\nContent-Disposition: form-data; name="media"; filename="a"\r\n\r\n' + b"x" * 200_000
    answer = upload(api, service, form, "multipart/form-data; boundary=b")

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
    assert files_in(running.folder) == rows_in(running) == []


def test_a_file_over_150_mb_is_refused_by_what_it_says_of_itself(service, running):
    # Hardly any of it is sent: the refusal comes first.
    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=60)
    connection.putrequest("POST", f"/v1/{service}/Media")
    connection.putheader("Authorization", authorization())
    connection.putheader("Content-Length", str(MAX_FILE_BYTES + 1))
    connection.endheaders(b"x")
    answer = connection.getresponse()

    refused = json.loads(answer.read())
    assert (answer.status, refused["code"]) == (413, 50512)
    assert refused["message"] == "Message media size is too large"
    connection.close()
    assert files_in(running.folder) == rows_in(running) == []


@pytest.mark.parametrize("how", ["raw", "form", "chunked"])
def test_a_file_of_151_mb_is_refused_while_it_comes(api, service, running, tmp_path, how):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(151 * 1_048_576)
    with path.open("rb") as file:
        options = {
            "raw": {"data": file},
            "form": {"files": {"media": file}},
            "chunked": {"data": iter(lambda: file.read(1_048_576), b"")},
        }
        answer = api.request("POST", f"{service}/Media", **options[how])

    assert (answer.status_code, answer.json()["code"]) == (413, 50512)
    assert files_in(running.folder) == rows_in(running) == []


def send_and_leave(running, service, length, sent, *, chunked=False):
    host, _, port = urlsplit(running.url).netloc.partition(":")
    size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {length}"
    head = (
        f"POST /v1/{service}/Media HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization()}\r\n"
        f"Content-Type: image/png\r\n{size}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(head.encode() + sent)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65_536)


@pytest.mark.parametrize(
    ("length", "sent", "chunked"),
    [
        (1_000, b"x" * 500, False),
        (20 * 1_048_576, b"x" * (10 * 1_048_576), False),
        (None, b"100000\r\n" + b"x" * 1_048_576, True),
    ],
    ids=["small", "large", "chunked"],
)
def test_a_file_that_is_cut_off_leaves_nothing(service, running, length, sent, chunked):
    send_and_leave(running, service, length, sent, chunked=chunked)
    running.stop()

    assert files_in(running.folder) == rows_in(running) == []


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "99999999999999999999"])
def test_a_content_length_that_is_none_is_not_http_or_too_large(service, running, length):
    answer = send_and_leave(running, service, length, PNG)

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413"))
    assert files_in(running.folder) == rows_in(running) == []


def test_a_content_length_that_is_too_small_takes_no_more_than_it_says(api, service, running):
    send_and_leave(running, service, 10, PNG)
    running.stop()

    assert [file.stat().st_size for file in files_in(running.folder)] in ([], [10])


def test_uploads_ask_for_credentials_before_the_file_is_taken(running, service):
    host, _, port = urlsplit(running.url).netloc.partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"POST /v1/{service}/Media HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nx"
        connection.sendall(head.encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 401")
    assert files_in(running.folder) == rows_in(running) == []


def test_another_accounts_service_takes_no_files(stranger, api, service, running):
    for caller, path in ((stranger, service), (api, "Services/IS" + "0" * 32)):
        answer = upload(caller, path, PNG)
        assert (answer.status_code, answer.json()["message"]) == (
            404,
            f"The requested resource /{path}/Media was not found",
        )
    assert files_in(running.folder) == rows_in(running) == []


def test_storage_that_does_not_answer_is_503_and_no_row_is_shown(api, service, running, monkeypatch):
    folder = running.folder / "parlour.db.media"
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        folder.rmdir()
        folder.write_bytes(b"")
    answer = upload(api, service, PNG)

    assert (answer.status_code, answer.json()["code"]) == (503, 20503)
    assert running.in_database(lambda tx: tx.select("SELECT sid FROM media WHERE size IS NOT NULL")) == []


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (b'filename="a b.png"', "a b.png"),
        (b'filename="a\\"b.png"', 'a"b.png'),
        (b'filename="a; name=b\\\\.png"', "a; name=b\\.png"),
        (b"filename*=UTF-8''%F0%9F%98%80.png", "😀.png"),
        ('filename="😀.png"'.encode(), "😀.png"),
        (b'filename="../../a.png"', "../../a.png"),
        (b'filename=""', None),
    ],
)
def test_a_forms_file_may_be_called_anything(api, service, said, name):
    form = b'--b\r\nContent-Disposition: form-data; name="media"; ' + said + b"\r\n\r\nx\r\n--b--\r\n"
    answer = upload(api, service, form, "multipart/form-data; boundary=b")

    assert (answer.status_code, answer.json()["filename"]) == (201, name)


@pytest.mark.parametrize(
    "said", [b'filename="\xff"', b"filename*=UTF-8''%ff", b'filename="a\0b"', b"filename*=utf-7''+2AA-"]
)
def test_a_name_that_is_no_text_is_refused(api, service, running, said):
    form = b'--b\r\nContent-Disposition: form-data; name="media"; ' + said + b"\r\n\r\nx\r\n--b--\r\n"
    answer = upload(api, service, form, "multipart/form-data; boundary=b")

    assert (answer.status_code, answer.json()["code"]) == (400, 20001)
    assert files_in(running.folder) == rows_in(running) == []


def test_a_client_that_waits_to_be_asked_for_the_file_is_asked(running, service):
    host, _, port = urlsplit(running.url).netloc.partition(":")
    head = (
        f"POST /v1/{service}/Media HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization()}\r\n"
        f"Content-Length: {len(PNG)}\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(PNG)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 201 ")
