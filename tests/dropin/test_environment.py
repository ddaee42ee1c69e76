"""`parlour env`: one environment for all clients, in the syntax of each shell."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.commands import run
from tests.servers import ACCOUNT_SID, AUTH_TOKEN


@pytest.fixture
def env(tmp_path):
    def env(*options):
        done = run(tmp_path, "env", *options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return env


def test_every_file_that_is_named_is_there_and_the_key_is_the_owners_alone(env, tmp_path):
    told = dict(line.split("=", 1) for line in env("--shell", "github-actions").splitlines())
    folder = tmp_path / "parlour.db.authority"

    assert told["HTTPS_PROXY"] == told["https_proxy"] == told["HTTP_PROXY"] == "http://127.0.0.1:8443"
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
        ("sh", "export HTTPS_PROXY=http://127.0.0.1:8443"),
        ("fish", "set -gx HTTPS_PROXY 'http://127.0.0.1:8443';"),
        ("powershell", "$env:HTTPS_PROXY = 'http://127.0.0.1:8443'"),
        ("dotenv", 'HTTPS_PROXY="http://127.0.0.1:8443"'),
        ("github-actions", "HTTPS_PROXY=http://127.0.0.1:8443"),
    ],
)
def test_each_shell_has_its_syntax(env, shell, line):
    assert line in env("--shell", shell).splitlines()


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not at hand")
def test_fish_takes_it(env):
    script = env("--shell", "fish") + "\necho $HTTPS_PROXY"
    said = subprocess.run(["fish", "-c", script], capture_output=True, text=True, check=True).stdout

    assert said == "http://127.0.0.1:8443\n"


def test_credentials_are_told_when_asked_for(serve, env):
    serve()

    assert f"export TWILIO_ACCOUNT_SID={ACCOUNT_SID}\nexport TWILIO_AUTH_TOKEN={AUTH_TOKEN}\n" in env(
        "--credentials"
    )


def test_what_is_printed_leads_to_a_server_that_intercepts(serve, env, tmp_path):
    server = serve(intercept=True)
    port = server.output.partition("Intercepting at http://127.0.0.1:")[2].partition(":")[0]
    script = env("--intercept-port", port, "--credentials")
    call = 'curl -sS -u "$TWILIO_ACCOUNT_SID:$TWILIO_AUTH_TOKEN" https://conversations.twilio.com/v1/Services'
    said = subprocess.run(["bash", "-c", f"{script}\n{call}"], capture_output=True, text=True, check=True)

    assert '"key":"services"' in said.stdout
