"""What the documentation says of uploads that go on at once is what the code does."""

from pathlib import Path

from obstore.store import MemoryStore

from parlour.api import upload_slots
from parlour.api.upload_slots import MAX_HELD_BYTES, WAIT_SECONDS
from parlour.store.blobs import Blobs

DOCS = Path(__file__).parents[2] / "docs"
IN_FOLDER, IN_BUCKET = (MAX_HELD_BYTES // Blobs(MemoryStore(), at).held_by_one for at in (Path(), None))


def test_running_md_gives_the_limits_as_they_are():
    text = (DOCS / "running.md").read_text()

    assert f"{IN_FOLDER} a process, {IN_BUCKET} with a bucket" in text
    assert f"At most {IN_FOLDER} uploads go on in a process at once, {IN_BUCKET} with a bucket" in text
    assert f"| {WAIT_SECONDS:g} seconds, up to {upload_slots.MAX_WAITING} of an account;" in text


def test_the_decision_gives_them_too():
    text = " ".join((DOCS / "decisions" / "0081-uploads-take-turns.md").read_text().split())

    assert f"that is {IN_FOLDER} or {IN_BUCKET}" in text
    assert f"for up to {WAIT_SECONDS:g} seconds, and up to {upload_slots.MAX_WAITING} of an account" in text
