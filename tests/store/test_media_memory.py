"""A file of 149 MB goes up and comes down, and the server needs little memory for it."""

import hashlib
import re
from pathlib import Path

import pytest

from tests.files import upload

SIZE = 149 * 1_048_576
MAX_ADDED_KIBIBYTES = 100 * 1_024


def memory_of(server, which):
    """`VmRSS`, the memory that the process has, or `VmHWM`, the most it has had, in KiB."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(rf"{which}:\s+(\d+) kB", status)[1])


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large"
    block = bytes(range(256)) * 4_096
    with path.open("wb") as file:
        for number in range(149):
            file.write(number.to_bytes(4) + block[4:])
    return path


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is told by Linux only")
@pytest.mark.parametrize("how", [pytest.param("raw", marks=pytest.mark.long), "form"])
def test_149_mb_up_and_down_in_under_100_mb(launch, large, how):
    server = launch()
    with server.api() as api, large.open("rb") as file:
        service = f"Services/{api.post('Conversations').json()['chat_service_sid']}"
        api.get("Services")
        before = memory_of(server, "VmRSS")
        if how == "raw":
            media = upload(api, service, file).json()
        else:
            media = api.request("POST", f"{service}/Media", files={"media": file}).json()
        assert media["size"] == SIZE
        assert memory_of(server, "VmHWM") - before < MAX_ADDED_KIBIBYTES

        digest = hashlib.sha256()
        answer = api.request("GET", server.url + media["links"]["content"], stream=True)
        for chunk in answer.iter_content(1_048_576):
            digest.update(chunk)
        assert digest.hexdigest() == hashlib.sha256(large.read_bytes()).hexdigest()
        assert memory_of(server, "VmHWM") - before < MAX_ADDED_KIBIBYTES
