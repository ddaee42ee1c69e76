"""Paths of the original that are not served yet: refused like others, and named in the log."""

import re

import pytest

from parlour import resources
from parlour.api.openapi import describe
from parlour.api.original_paths import ORIGINAL_PATHS
from tests.api.test_bad_input import refusal
from tests.commands import run
from tests.contract.facts import published
from tests.servers import ACCOUNT_SID, AUTH_TOKEN, Api

SERVED = describe(resources.ALL, "http://localhost")["paths"]
UNSERVED = sorted(set(ORIGINAL_PATHS) - set(SERVED))


def test_the_paths_are_those_that_the_original_describes():
    assert sorted(ORIGINAL_PATHS) == sorted(published()["paths"])


def filled(template):
    return re.sub(r"\{\w+\}", "secret", template.removeprefix("/v1/"))


@pytest.mark.parametrize("unserved", UNSERVED)
def test_an_unserved_path_is_not_found_by_any_method(api, unserved):
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        answer = api.request(method, filled(unserved))

        assert refusal(answer) == (404, 20404), method
        assert answer.json()["message"] == f"The requested resource /{filled(unserved)} was not found"
    assert api.request("OPTIONS", filled(unserved)).status_code == 404


@pytest.mark.long
@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_the_line_of_its_request_is_a_warning_with_the_template_only(launch, level):
    server = launch("--log-level", level)
    with Api(server.url) as api:
        api.get(filled(UNSERVED[-1]), PageSize=50)
        api.post("Conversations", FriendlyName="secret")
    server.stop()
    lines = (server.folder / "errors.log").read_text().splitlines()
    warnings = [line for line in lines if " warning request " in line]

    assert "secret" not in "".join(lines)
    assert len(warnings) == (level != "error")
    for line in warnings:
        assert f" method=GET route={UNSERVED[-1]} " in line
        assert " status=404 error_code=20404 " in line
        assert line.endswith('reason="not served"')
    assert sum(" info request " in line for line in lines) == (level == "info")


def test_the_logs_of_a_test_server_name_it(serve, tmp_path):
    server = serve(control=True)
    with server.api() as api:
        api.get(filled(UNSERVED[-1]))
        api.get("Nonsense")
        [seen, unknown] = api.get(f"{server.url}/parlour/v1/Requests").json()["requests"]
    environment = {
        "PARLOUR_URL": server.url,
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
    }
    first, second = run(tmp_path, "logs", **environment).stdout.splitlines()

    assert (seen["unserved"], seen["operation"], unknown["unserved"]) == (UNSERVED[-1], None, None)
    assert f" GET /v1/{filled(UNSERVED[-1])} 404 " in first
    assert first.endswith(f" ms not served: {UNSERVED[-1]}")
    assert second.endswith(" ms")
