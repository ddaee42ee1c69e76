"""Media in a bucket: the same, against a real S3 server."""

import asyncio
import os
import subprocess
import sys
import time

import boto3
import pytest
import requests

from parlour.resources.strays import find_old_strays, remove_strays
from parlour.store.blobs import MARKER, BadPlace, open_blobs, owner_of
from tests.files import PNG, upload
from tests.servers import TIMEOUT_SECONDS

BUCKET = "parlour-media"


# A process, which may warn of what it likes; it takes a free port, says which, and ends with its input.
SERVER = """
import sys
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory):
    with (tmp_path_factory.mktemp("s3") / "moto.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "PYTHONWARNINGS": ""},
        )
    port = process.stdout.readline().decode().strip()
    assert port, "the S3 server did not start"
    yield f"http://127.0.0.1:{port}"
    process.stdin.close()
    process.wait(TIMEOUT_SECONDS)
    process.stdout.close()


@pytest.fixture
def s3(monkeypatch, s3_server):
    """A client of an S3 server that has an empty bucket; AWS_… variables say where it is."""
    settings = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ALLOW_HTTP": "true",
        "NO_PROXY": "127.0.0.1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with requests.Session() as session:
        session.trust_env = False
        assert session.post(f"{s3_server}/moto-api/reset", timeout=TIMEOUT_SECONDS).ok
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()


@pytest.fixture
def running(start, s3):
    return start(media=f"s3://{BUCKET}/pre/fix")


def keys(s3):
    return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


@pytest.mark.parametrize("data", [b"", PNG, os.urandom(1_048_576) * 12], ids=["empty", "small", "in parts"])
def test_files_go_up_and_come_down_and_in_parts(api, service, running, s3, data):
    media = upload(api, service, data).json()
    content = running.url + media["links"]["content"]

    assert keys(s3) == [f"pre/fix/{media['sid'][-2:]}/{media['sid']}"]
    assert api.get(content).content == data
    if data:
        assert api.request("GET", content, headers={"Range": "bytes=-5"}).content == data[-5:]


def test_what_was_not_finished_leaves_no_object_and_no_parts(api, service, running, s3):
    form = b'--b\r\nContent-Disposition: form-data; name="media"; filename="a"\r\n\r\n' + b"x" * 12_000_000
    assert upload(api, service, form, "multipart/form-data; boundary=b").status_code == 400

    assert keys(s3) == []
    assert s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_the_purge_removes_what_was_deleted_and_leaves_what_has_no_row(api, service, room, running, s3):
    kept, gone = upload(api, service).json(), upload(api, service).json()
    api.post(f"{room}/Messages", MediaSid=kept["sid"])
    api.delete(running.url + gone["url"])
    s3.put_object(Bucket=BUCKET, Key=f"pre/fix/aa/ME{'a' * 32}", Body=b"stray")
    s3.put_object(Bucket=BUCKET, Key="pre/fix/notes.txt", Body=b"not ours")

    assert running.purge()[:2] == (1, 1)
    stay = [f"{kept['sid'][-2:]}/{kept['sid']}", f"aa/ME{'a' * 32}", "notes.txt"]
    assert sorted(keys(s3)) == sorted(f"pre/fix/{name}" for name in stay)


def test_an_operator_may_remove_what_has_no_row(api, service, running, s3, clock):
    kept = upload(api, service).json()
    s3.put_object(Bucket=BUCKET, Key=f"pre/fix/aa/ME{'a' * 32}", Body=b"stray")
    parts = (running.database, running.blobs)
    clock.now = time.time_ns() // 1_000_000
    assert asyncio.run(find_old_strays(*parts, grace_days=1)) == []
    clock.advance(days=2)
    found = asyncio.run(find_old_strays(*parts, grace_days=1))

    assert [(each.name, each.size) for each in found] == [(f"ME{'a' * 32}", 5)]
    assert asyncio.run(remove_strays(*parts, found)) == 1
    assert keys(s3) == [f"pre/fix/{kept['sid'][-2:]}/{kept['sid']}"]


def test_the_first_database_that_claims_a_bucket_owns_it(s3):
    place = f"s3://{BUCKET}/pre/fix"
    before = owner_of(place)
    open_blobs(place).claim("DB1")
    open_blobs(place).claim("DB2")

    assert (before, owner_of(place)) == (None, "DB1")
    assert keys(s3) == [f"pre/fix/{MARKER}"]


def test_a_bucket_that_cannot_be_reached_or_is_not_there_is_told_at_the_start(s3, monkeypatch):
    with pytest.raises(BadPlace):
        open_blobs("s3://no-such-bucket/x").claim("DB1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(BadPlace):
        owner_of(f"s3://{BUCKET}/pre/fix")


def test_a_bucket_that_is_gone_is_503(api, service, running, s3):
    s3.delete_bucket(Bucket=BUCKET)
    answer = upload(api, service, PNG)

    assert (answer.status_code, answer.json()["code"]) == (503, 20503)
    assert api.get("Services").status_code == 200
