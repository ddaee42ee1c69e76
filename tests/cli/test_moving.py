"""Moving to another database as docs/running.md says it, with every file readable afterwards."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.files import files_in, upload
from tests.servers import TIMEOUT_SECONDS, ServerProcess

RUNNING = Path(__file__).parents[2] / "docs/running.md"
FILES = [b"a cat", b"x" * 300_000, b""]
OLD, NEW = "parlour.db", "postgresql://parlour@db.example.org/parlour"


def commands_of_the_docs(heading):
    """The lines of the first block below a heading."""
    section = RUNNING.read_text().partition(f"\n{heading}\n")[2]
    return re.search(r"^```\n(.*?)^```", section, re.DOTALL | re.MULTILINE)[1].splitlines()


def run(folder, line, **environment):
    """A line of a shell, with our program."""
    path = f"{ServerProcess.PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def fill(server):
    """Messages with files; the content's path of each file, with its bytes."""
    with server.api() as api:
        conversation = api.post("Conversations", UniqueName="room").json()
        service = f"Services/{conversation['chat_service_sid']}"
        held = {}
        for data in FILES:
            sid = upload(api, service, data).json()["sid"]
            assert api.post(conversation["links"]["messages"], MediaSid=sid).status_code == 201
            held[f"{service}/Media/{sid}/Content"] = data
    return held


def contents(server, held):
    with server.api() as api:
        return {path: api.get(path).content for path in held}


@pytest.fixture
def new(databases):
    storage = databases.make()
    yield storage.setting
    storage.remove()


@pytest.mark.embedded
@pytest.mark.long
def test_from_sqlite_to_postgresql_as_it_is_pasted(launch, tmp_path, new):
    server = launch()
    held = fill(server)
    server.stop()
    for line in commands_of_the_docs("### From SQLite to PostgreSQL"):
        if "parlour serve" in line:
            assert shlex.split(line) == ["parlour", "serve", "--database", NEW]
            break
        done = run(tmp_path, line.replace(NEW, new))
        assert done.returncode == 0, (line, done.stderr)
    before = files_in(tmp_path)
    server = launch("--database", new)

    assert contents(server, held) == held
    assert "TWILIO_AUTH_TOKEN" not in server.output
    assert files_in(tmp_path) == before
    server.stop()
    # And it is not started beside the new one by mistake.
    assert "purged" not in (tmp_path / "errors.log").read_text()


@pytest.mark.long
@pytest.mark.embedded
def test_from_one_file_to_another_as_it_is_pasted(launch, tmp_path):
    server = launch()
    held = fill(server)
    server.stop()
    lines = commands_of_the_docs("### From one file to another")
    assert lines.pop() == "parlour serve --database new.db"
    for line in lines:
        done = run(tmp_path, line)
        assert done.returncode == 0, (line, done.stderr)
    # What only reads does not get in between.
    assert run(tmp_path, "parlour account list --database new.db").returncode == 0
    server = launch("--database", "new.db")

    assert contents(server, held) == held
    assert "TWILIO_AUTH_TOKEN" not in server.output


@pytest.mark.embedded
@pytest.mark.long
def test_an_imported_database_without_its_key_is_told_and_gets_no_other(launch, tmp_path):
    server = launch()
    server.stop()
    assert (
        run(tmp_path, "parlour export all.jsonl && parlour import all.jsonl --database new.db").returncode
        == 0
    )
    assert run(tmp_path, "parlour account list --database new.db").returncode == 0
    refused = run(tmp_path, "parlour serve --port 0 --database new.db")

    assert refused.returncode == 1
    assert "the secret key is missing: new.db.key" in refused.stderr
    assert not (tmp_path / "new.db.key").exists()
    assert not (tmp_path / "new.db.media").exists()
