"""Files for the tests, and how they are sent up and looked for."""

import time

from parlour.store.blobs import MARKER
from tests.servers import TIMEOUT_SECONDS

# The smallest real PNG: one transparent pixel.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d4944415478da63fcffff3f030005fe02fea72d7e6b0000000049454e44ae426082"
)


def upload(api, service, data=PNG, content_type="image/png", **query):
    return api.request(
        "POST", f"{service}/Media", data=data, params=query, headers={"Content-Type": content_type}
    )


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def files_in(folder):
    """The files of media, finished or not: not the one that says whose they are."""
    found = (folder / "parlour.db.media").rglob("*")
    return sorted(path for path in found if path.is_file() and path.name != MARKER)


def wait_until(holds):
    """Look again and again until it holds, and give up after a minute."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
