"""`parlour env`: one environment for all clients, in the syntax of each shell."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.commands import run
from tests.servers import ACCOUNT_SID, AUTH_TOKEN

# What the caller's own environment may say too; the tests say it themselves.
MERGED = ("NO_PROXY", "no_proxy", "NODE_EXTRA_CA_CERTS", "NODE_OPTIONS", "PHP_INI_SCAN_DIR", "PYTHONPATH")


@pytest.fixture
def env(tmp_path, monkeypatch):
    for name in (*MERGED, "JAVA_TOOL_OPTIONS"):
        monkeypatch.delenv(name, raising=False)
    # A server of the developer may listen on the default ports.
    monkeypatch.setenv("PARLOUR_PORT", "9")
    monkeypatch.setenv("PARLOUR_INTERCEPT_PORT", "19")

    def env(*options, folder=tmp_path, **environment):
        done = run(folder, "env", *options, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return env


def values(env, *options, **environment):
    lines = env("--shell", "github-actions", *options, **environment).splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_every_file_that_is_named_is_there_and_the_key_is_the_owners_alone(env, tmp_path):
    told = values(env)
    folder = tmp_path / "parlour.db.authority"

    assert told["HTTPS_PROXY"] == told["https_proxy"] == told["HTTP_PROXY"] == "http://127.0.0.1:19"
    assert told["NO_PROXY"] == told["no_proxy"] == "localhost,127.0.0.1,::1"
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"):
        assert "BEGIN CERTIFICATE" in Path(told[name]).read_text()
    assert (folder / "ca.pem").read_text() in Path(told["SSL_CERT_FILE"]).read_text()
    [empty, php] = told["PHP_INI_SCAN_DIR"].split(":")
    assert empty == ""
    assert told["CURL_CA_BUNDLE"] in Path(php, "parlour.ini").read_text()
    assert f"-Djavax.net.ssl.trustStore={folder / 'truststore.p12'}" in told["JAVA_TOOL_OPTIONS"]
    assert (folder / "truststore.p12").exists()
    assert stat.S_IMODE((folder / "authority.pem").stat().st_mode) == 0o600
    assert "TWILIO_AUTH_TOKEN" not in told


def test_the_shells_own_eval_takes_it(env, tmp_path):
    lines = env("--intercept-port", "9443", "--port", "9080")
    script = f'{lines}\nprintf "%s\\n" "$HTTPS_PROXY" "$PARLOUR_URL" "$JAVA_TOOL_OPTIONS"'
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout

    assert said.startswith("http://127.0.0.1:9443\nhttp://127.0.0.1:9080\n-Dhttps.proxyHost=127.0.0.1 ")
    assert "-Dhttp.nonProxyHosts=localhost|127.*|[::1] " in said


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("sh", "export HTTPS_PROXY=http://127.0.0.1:19"),
        ("fish", "set -gx HTTPS_PROXY 'http://127.0.0.1:19';"),
        ("powershell", "$env:HTTPS_PROXY = 'http://127.0.0.1:19'"),
        ("dotenv", 'HTTPS_PROXY="http://127.0.0.1:19"'),
        ("github-actions", "HTTPS_PROXY=http://127.0.0.1:19"),
    ],
)
def test_each_shell_has_its_syntax(env, shell, line):
    assert line in env("--shell", shell).splitlines()


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not at hand")
def test_fish_takes_it(env):
    script = env("--shell", "fish") + "\necho $HTTPS_PROXY"
    said = subprocess.run(["fish", "-c", script], capture_output=True, text=True, check=True).stdout

    assert said == "http://127.0.0.1:19\n"


def test_credentials_are_told_when_asked_for(serve, env):
    serve()

    assert f"export TWILIO_ACCOUNT_SID={ACCOUNT_SID}\nexport TWILIO_AUTH_TOKEN={AUTH_TOKEN}\n" in env(
        "--credentials"
    )


def test_what_is_printed_leads_to_a_server_that_intercepts(serve, env, tmp_path):
    server = serve(intercept=True)
    script = env("--intercept-port", port_in(server), "--credentials")
    said = subprocess.run(["bash", "-c", f"{script}\n{CALL}"], capture_output=True, text=True, check=True)

    assert '"key":"services"' in said.stdout


def port_in(server):
    return server.output.partition("Intercepting at http://127.0.0.1:")[2].partition(":")[0]


CALL = 'curl -sS -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" https://conversations.twilio.com/v1/Services'


def test_in_another_folder_the_authority_of_the_server_that_runs_is_found(serve, env, tmp_path):
    server = serve(intercept=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ports = ("--port", server.url.rpartition(":")[2], "--intercept-port", port_in(server))
    script = env(*ports, folder=elsewhere)
    credentials = {"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
    said = subprocess.run(
        ["bash", "-c", f"{script}\n{CALL}"],
        env={**os.environ, **credentials},
        capture_output=True,
        text=True,
        check=True,
    )

    assert '"key":"services"' in said.stdout
    # Only certificates are there: no second authority, which nothing would trust.
    assert list(elsewhere.rglob("authority.pem")) == []


def test_a_server_that_does_not_intercept_is_told_with_what_to_do(serve, tmp_path):
    done = run(tmp_path, "env", "--port", serve().url.rpartition(":")[2], "--intercept-port", "19")

    assert done.returncode == 1
    assert done.stdout == ""
    assert "runs without --intercept: start it with this option" in done.stderr


def test_a_server_that_intercepts_at_another_port_is_told(serve, tmp_path):
    server = serve(intercept=True)
    port = server.url.rpartition(":")[2]
    nobody = run(tmp_path, "env", "--port", port, "--intercept-port", "19")
    other = run(tmp_path, "env", "--port", port, "--intercept-port", port)

    assert (nobody.returncode, other.returncode) == (1, 1)
    assert (
        "none intercepts at http://127.0.0.1:19: start the server with --intercept, or name its "
        in nobody.stderr
    )
    assert "is no server that intercepts: name its --intercept-port" in other.stderr


def test_the_callers_own_exceptions_do_not_lead_the_question_elsewhere(serve, env):
    server = serve(intercept=True)
    ports = ("--port", server.url.rpartition(":")[2], "--intercept-port", port_in(server))

    assert values(env, *ports, NO_PROXY="*")["HTTPS_PROXY"].endswith(f":{port_in(server)}")


def test_without_a_server_a_note_says_so(tmp_path):
    done = run(tmp_path, "env", "--port", "9", "--intercept-port", "19")

    assert done.returncode == 0
    assert "no server answers at http://127.0.0.1:9 yet" in done.stderr


def test_what_the_callers_variables_say_is_kept(env, tmp_path):
    authority = tmp_path / "own.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\nown\n-----END CERTIFICATE-----\n")
    told = values(
        env,
        NO_PROXY="db.internal, localhost",
        no_proxy="cache.internal",
        JAVA_TOOL_OPTIONS="-Xmx1g -Dhttp.nonProxyHosts=db.internal|127.* -Dhttps.proxyHost=other",
        PHP_INI_SCAN_DIR="/etc/php/own",
        NODE_EXTRA_CA_CERTS=str(authority),
        NODE_OPTIONS="--max-old-space-size=100",
        PYTHONPATH="lib",
    )

    assert told["NO_PROXY"] == told["no_proxy"] == "db.internal,localhost,cache.internal,127.0.0.1,::1"
    assert told["JAVA_TOOL_OPTIONS"].startswith("-Xmx1g -Dhttps.proxyHost=127.0.0.1 ")
    assert " -Dhttp.nonProxyHosts=db.internal|127.*|localhost|[::1] " in told["JAVA_TOOL_OPTIONS"]
    assert "other" not in told["JAVA_TOOL_OPTIONS"]
    assert told["PHP_INI_SCAN_DIR"].startswith("/etc/php/own:/")
    assert told["NODE_OPTIONS"].startswith("--max-old-space-size=100 --require=")
    assert told["PYTHONPATH"].endswith(":lib")
    both = Path(told["NODE_EXTRA_CA_CERTS"]).read_text()
    assert both.startswith(authority.read_text())
    assert (tmp_path / "parlour.db.authority" / "ca.pem").read_text() in both


def test_taken_twice_it_says_the_same(env, monkeypatch):
    first = values(env, NODE_OPTIONS="--no-warnings", JAVA_TOOL_OPTIONS="-Xmx1g")

    assert values(env, **first) == first


@pytest.mark.parametrize("pattern", ["*", "twilio.com", ".twilio.com", "conversations.twilio.com"])
def test_no_exception_of_the_callers_leads_requests_to_the_real_service(env, pattern):
    assert values(env, NO_PROXY=f"{pattern},own")["NO_PROXY"] == "own,localhost,127.0.0.1,::1"
