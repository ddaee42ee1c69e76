"""`/`: a page for browsers, and the error of before for everyone else."""

import re

import pytest
import requests

from parlour import __version__

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def get(url, method="GET", **headers):
    return requests.request(method, f"{url}/", headers=headers, timeout=30)


def test_a_browser_learns_what_this_is_that_it_runs_and_where_to_go(running):
    answer = get(running.url, Accept=BROWSER)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Parlour is running" in answer.text
    assert __version__ in answer.text
    assert f"{running.url}/v1/Conversations" in answer.text
    for link in re.findall('href="(.+?)"', answer.text):
        assert requests.get(f"{running.url}/{link}", timeout=30).status_code == 200


def test_the_page_loads_nothing_and_runs_nothing(running):
    answer = get(running.url, Accept=BROWSER)
    policy = answer.headers["Content-Security-Policy"].split("; ")

    assert re.search(r"<script|<img|<link|\bsrc=|url\(|@import| style=", answer.text) is None
    assert policy[0] == "default-src 'none'"
    assert {"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} < set(policy)
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("accept", ["*/*", "application/json", None])
def test_programs_get_the_error_of_every_path_that_is_not_served(running, method, accept):
    answer = get(running.url, method, Accept=accept)

    assert answer.status_code == 404
    assert answer.json()["code"] == 20404
