"""The examples of the control API in docs/testing.md, run by bash as they are printed."""

import os
import re
import subprocess

from tests.documents import read
from tests.servers import ACCOUNT_SID, AUTH_TOKEN

# Here `curl` sends the credentials, as the page says; and it fails where the answer is an error.
ALIAS = 'curl() { command curl --silent --show-error --fail-with-body -u "$CALLER" "$@" || exit 1; echo; }'
# One of them waits for a request after the 17th.
REQUESTS = 18


def test_each_example_is_accepted(controlled, api, tmp_path):
    section = read("docs/testing.md").partition("## The control API\n")[2]
    [fixture] = re.findall(r"^```yaml\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    lines = [line for line in section.splitlines() if line.startswith("curl ")]
    (tmp_path / "fixture.yaml").write_text(fixture, encoding="utf-8")
    before_list = [line for line in lines if "Requests" not in line]
    run_lines(before_list, controlled.url, tmp_path)
    for _ in range(REQUESTS):
        api.get("Services")
    printed = run_lines([line for line in lines if "Requests" in line], controlled.url, tmp_path)

    assert len(before_list) == 10
    assert printed.count('"requests":[{') == 2


def run_lines(lines, url, folder):
    environment = {
        **os.environ,
        "U": f"{url}/parlour/v1",
        "CALLER": f"{ACCOUNT_SID}:{AUTH_TOKEN}",
        "NO_PROXY": "*",
    }
    done = subprocess.run(
        ["bash", "-c", "\n".join([ALIAS, *lines])],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
